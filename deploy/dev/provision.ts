import { definitionsOf, hashPassword } from "@mesh/broker";
import { generateSigningKey, keyFile, signingKeyFromJwk } from "@mesh/envelope";
import { sha256 } from "@mesh/base";
import { maintainInbox, migrate, provisionService, readMeshMigrations, readMigrations } from "@mesh/store/migrate";
import { createVhost, importDefinitions, type Infra } from "@mesh/testing/infra";
import { makeTokenKeyFile } from "@shop/users/token-keys";
import { emitPolicy, services, shopTopology } from "../topology.ts";
import type { ShopSecrets } from "./secrets_file.ts";

/** What a shop needs before its services can start. */
export interface ProvisionPlan {
  readonly infra: Infra;
  /** Folder for keys, policy and notes of what was done. */
  readonly folder: string;
  readonly secrets: ShopSecrets;
  readonly vhost: string;
  /** Put before database names, so that shops can share a server. */
  readonly databasePrefix: string;
  readonly partitions: number;
  readonly tiersMs: readonly number[];
  readonly log: (line: string) => void;
}

/** Where things are afterwards. */
export interface Provisioned {
  /** Database URL by service. */
  readonly databaseUrls: Readonly<Record<string, string>>;
  readonly keysFolder: string;
  readonly policyFile: string;
  /** Private signing key file by service. */
  readonly signingKeyFiles: Readonly<Record<string, string>>;
  readonly tokenKeyFile: string;
  readonly paymentKeyFile: string;
}

/** Brings broker, databases, keys and policy to what the services need; quick when there is nothing to do. */
export async function provision(plan: ProvisionPlan): Promise<Provisioned> {
  const files = await provideFiles(plan);
  const [databaseUrls] = await Promise.all([provideDatabases(plan), provideBroker(plan)]);
  return { ...files, databaseUrls };
}

/**
 * Imports the topology into the broker; does nothing if the same one was imported before and still stands.
 */
export async function provideBroker({ infra, vhost, secrets, partitions, tiersMs }: ProvisionPlan): Promise<void> {
  const { management } = infra.broker;
  await createVhost(management, vhost);
  const passwordHashes = Object.fromEntries(
    Object.entries(secrets.services).map(([name, { broker }]) => [name, hashPassword(broker, saltFor(name + broker))]),
  );
  const definitions = definitionsOf(shopTopology(partitions, tiersMs), { vhost, passwordHashes });
  await importDefinitions(management, vhost, { ...definitions });
}

/** Drawn from the password itself, so that importing again changes nothing. */
function saltFor(text: string): Uint8Array {
  return Uint8Array.fromBase64(sha256(text), { alphabet: "base64url" }).subarray(0, 4);
}

async function provideDatabases({ infra, secrets, databasePrefix, log }: ProvisionPlan) {
  const mesh = await readMeshMigrations();
  const urls = await Promise.all(services.map(async ({ name }) => {
    const database = await provisionService({
      adminUrl: infra.postgres.adminUrl,
      service: name,
      password: secrets.services[name]!.database,
      prefix: databasePrefix,
    });
    const owner = { url: database.ownerUrl, role: database.ownerRole };
    const { applied } = await migrate({
      ...owner,
      sets: [mesh, ...await migrationsOf(name)],
      runtimeRole: database.runtimeRole,
    });
    await maintainInbox(owner);
    if (applied.length > 0) log(`migrated ${name} (${applied.length} files)`);
    return [name, database.url] as const;
  }));
  return Object.fromEntries(urls);
}

/** A service's own tables, where it has any. */
export async function migrationsOf(name: string) {
  const folder = new URL(`../../services/${name}/migrations/`, import.meta.url);
  try {
    await Deno.stat(folder);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  return [await readMigrations(name, folder)];
}

async function provideFiles({ folder, secrets }: ProvisionPlan): Promise<Omit<Provisioned, "databaseUrls">> {
  const keysFolder = `${folder}/public-keys`;
  await Deno.mkdir(keysFolder, { recursive: true });
  const signingKeyFiles: Record<string, string> = {};
  for (const { name } of services) {
    const path = `${folder}/${name}.signing-key.json`;
    const jwk = await once(path, () => generateSigningKey(name).privateJwk);
    const key = signingKeyFromJwk(name, jwk);
    const { x } = JSON.parse(jwk);
    const published = keyFile(name, [{ jwk: { kty: "OKP", crv: "Ed25519", x, kid: key.kid }, status: "active" }]);
    await Deno.writeTextFile(`${keysFolder}/${published.name}`, published.text);
    signingKeyFiles[name] = path;
  }
  const policyFile = `${folder}/emit-policy.json`;
  await Deno.writeTextFile(policyFile, JSON.stringify(emitPolicy(), null, 2));
  const tokenKeyFile = `${folder}/token-keys.json`;
  await once(tokenKeyFile, makeTokenKeyFile);
  const paymentKeyFile = `${folder}/payment-provider.key`;
  await once(paymentKeyFile, () => secrets.paymentKey);
  return { keysFolder, policyFile, signingKeyFiles, tokenKeyFile, paymentKeyFile };
}

/** Reads a secret file, making it first if there is none. */
async function once(path: string, make: () => string | Promise<string>): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const text = await make();
    await Deno.writeTextFile(`${path}.new`, text, { mode: 0o600 });
    await Deno.rename(`${path}.new`, path);
    return text;
  }
}
