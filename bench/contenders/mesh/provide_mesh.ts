import { brokerTopology, definitionsOf, hashPassword, ManagementClient } from "@mesh/broker";
import { emitPolicyFrom, generateSigningKey, keyFile, signingKeyFromJwk } from "@mesh/envelope";
import { maintainInbox, migrate, provisionService, readMeshMigrations } from "@mesh/store/migrate";
import { findFreePorts, withUser, withVhost } from "@mesh/testing/infra";
import type { ContenderSetup } from "../../contender/protocol.ts";
import { services } from "./services.ts";

/** The environment that each service runs in, by name: the variables that every service of a mesh reads. */
export type MeshEnvironment = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Only reachable on loopback and gone after the run. */
const password = "bench";

/**
 * Brings about what services run on, as a deployment does: a database each, the broker's topology and rights, keys and
 * policy.
 */
export async function provideMesh(setup: ContenderSetup): Promise<MeshEnvironment> {
  const keysFolder = `${setup.folder}/public-keys`;
  await Deno.mkdir(keysFolder);
  const policyFile = `${setup.folder}/emit-policy.json`;
  await Deno.writeTextFile(policyFile, JSON.stringify(emitPolicyFrom(services)));
  const [databaseUrls] = await Promise.all([provideDatabases(setup), provideBroker(setup)]);
  const ports = findFreePorts(services.length);
  const urls = services.map(({ name }, index) => [name, `http://127.0.0.1:${ports[index]}`] as const);
  const entries = services.map(async ({ name }, index) => {
    const env = {
      MESH_AMQP_URL: withVhost(withUser(setup.amqpUrl, name, password), setup.vhost),
      MESH_POSTGRES_URL: databaseUrls[name]!,
      MESH_SIGNING_KEY_FILE: await provideKey(name, setup.folder, keysFolder),
      MESH_KEYS_FOLDER: keysFolder,
      MESH_POLICY_FILE: policyFile,
      MESH_PEERS: urls.filter(([peer]) => peer !== name).map(([peer, url]) => `${peer}=${url}`).join(","),
      MESH_INTERNAL_HOST: "127.0.0.1",
      MESH_INTERNAL_PORT: String(ports[index]),
      LOG_LEVEL: "warning",
    };
    return [name, env] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function provideKey(service: string, folder: string, keysFolder: string): Promise<string> {
  const { privateJwk } = generateSigningKey(service);
  const { kid } = signingKeyFromJwk(service, privateJwk);
  const { x } = JSON.parse(privateJwk) as { readonly x: string };
  const published = keyFile(service, [{ jwk: { kty: "OKP", crv: "Ed25519", x, kid }, status: "active" }]);
  await Deno.writeTextFile(`${keysFolder}/${published.name}`, published.text);
  const path = `${folder}/${service}.signing-key.json`;
  await Deno.writeTextFile(path, privateJwk, { mode: 0o600 });
  return path;
}

async function provideBroker({ management, vhost }: ContenderSetup): Promise<void> {
  const passwordHashes = Object.fromEntries(
    services.map(({ name }) => [name, hashPassword(password, crypto.getRandomValues(new Uint8Array(4)))]),
  );
  const definitions = definitionsOf(brokerTopology(services, { partitions: 1 }), { vhost, passwordHashes });
  await new ManagementClient({ ...management, vhost }).importDefinitions(definitions);
}

async function provideDatabases(
  { postgresUrl, databasePrefix: prefix }: ContenderSetup,
): Promise<Readonly<Record<string, string>>> {
  const sets = [await readMeshMigrations()];
  const entries = services.map(async ({ name }) => {
    const database = await provisionService({ adminUrl: postgresUrl, service: name, password, prefix });
    const access = { url: database.ownerUrl, role: database.ownerRole };
    await migrate({ ...access, sets, runtimeRole: database.runtimeRole });
    await maintainInbox(access);
    return [name, database.url] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}
