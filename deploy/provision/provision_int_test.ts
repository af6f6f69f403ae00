import { deepStrictEqual as assertEquals, rejects } from "node:assert/strict";
import { ManualClock, systemIds } from "@mesh/base";
import { openKeyDirectory, readKeyFiles, signingKeyFromJwk } from "@mesh/envelope";
import { startInfra } from "@mesh/testing/infra";
import postgres from "postgres";
import { manifestFiles } from "../manifests/manifest_files.ts";
import { renderFolder } from "../manifests/render.ts";
import { databaseSecret, ownerSecret, wantedSecrets } from "../manifests/secret_names.ts";
import { migrateService, readServiceMigrations } from "../migrations.ts";
import { services } from "../topology.ts";
import { provideDatabasesFrom } from "./databases_from_folder.ts";
import { writeSecretFiles } from "./secret_files.ts";

const quiet = () => {};

Deno.test("the files of secrets are all made, kept by a second run, and their public keys fit the private ones", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await writeSecretFiles(folder, quiet);
    const wanted = wantedSecrets(services, { hasSeedAccounts: true, hasPostgres: true, hasSmtpLogin: false });
    const paths = wanted.flatMap(({ name, keys }) => keys.map((key) => `${folder}/${name}/${key}`));
    const texts = await Promise.all(paths.map((path) => Deno.readTextFile(path)));
    await writeSecretFiles(folder, quiet);
    assertEquals(await Promise.all(paths.map((path) => Deno.readTextFile(path))), texts);

    const keys = await openKeyDirectory({
      readDirectory: readKeyFiles(`${folder}/public-keys`),
      clock: new ManualClock(),
    });
    for (const { name } of services) {
      const { kid } = signingKeyFromJwk(name, await Deno.readTextFile(`${folder}/${name}-keys/signing-key.json`));
      assertEquals(keys.find(kid)?.service, name);
      assertEquals(await Deno.readTextFile(`${folder}/${name}-broker/username`), name);
    }
    const passwords = texts.filter((_text, index) => paths[index]!.endsWith("/password"));
    assertEquals(new Set(passwords).size, passwords.length);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("kustomize's overlay takes the files as they are made", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await writeSecretFiles(folder, quiet);
    const files = manifestFiles();
    const overlay = "deploy/overlays/dev-secrets";
    const made = renderFolder(overlay, (path) => {
      return files.get(path) ?? Deno.readTextFileSync(path.replace(`${overlay}/files`, folder));
    });
    const broker = made.find(({ metadata }) => metadata.name === "orders-broker");
    assertEquals((broker?.data as Readonly<Record<string, string>>).username, btoa("orders"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the job makes databases that their owner migrates and their service can only use", async () => {
  const folder = await Deno.makeTempDir();
  await using infra = await startInfra({ wants: ["postgres"] });
  const { adminUrl } = infra.postgres;
  const prefix = `p${systemIds().next().slice(-8)}_`;
  const admin = postgres(adminUrl, { max: 1, onnotice: () => {} });
  const urlFor = (role: string, password: string) => {
    const url = new URL(adminUrl);
    [url.username, url.password, url.pathname] = [role, password, `/${prefix}orders`];
    return url.href;
  };
  try {
    for (const { name } of services) {
      await Deno.writeTextFile(`${folder}/${databaseSecret(name)}`, `runtime-${name}\n`);
      await Deno.writeTextFile(`${folder}/${ownerSecret(name)}`, `owner-${name}\n`);
    }
    await provideDatabasesFrom({ folder, adminUrl, prefix }, quiet);
    await provideDatabasesFrom({ folder, adminUrl, prefix }, quiet);

    const url = urlFor(`${prefix}orders_owner`, "owner-orders");
    const applied = await migrateService(
      { service: "orders", runtimeRole: `${prefix}orders`, url },
      await readServiceMigrations("orders"),
    );
    assertEquals(applied.length > 0, true);

    const runtime = postgres(urlFor(`${prefix}orders`, "runtime-orders"), { max: 1, onnotice: () => {} });
    try {
      assertEquals((await runtime`select count(*)::int as count from mesh.event`)[0]!.count, 0);
      await rejects(runtime`create table mesh.mine (id int)`, /permission denied/);
      await rejects(runtime`delete from mesh.event`, /permission denied/);
    } finally {
      await runtime.end();
    }
  } finally {
    for (const { name } of services) {
      await admin`drop database if exists ${admin(`${prefix}${name}`)} with (force)`;
      await admin`drop role if exists ${admin(`${prefix}${name}`)}`;
      await admin`drop role if exists ${admin(`${prefix}${name}_owner`)}`;
    }
    await admin.end();
    await Deno.remove(folder, { recursive: true });
  }
});
