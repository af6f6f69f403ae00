/**
 * Brings about what a shop needs before it starts, where nobody else does it:
 *
 * - `compose`: keys, topology, users, databases and tables, for `docker-compose.yml`;
 * - `databases`: a database and its two roles for every service, for the job of a development cluster;
 * - `secrets <folder>`: the files that `deploy/overlays/dev-secrets` makes secrets of.
 *
 * Whatever is there already stays.
 *
 * @module
 */
import { ConfigError, errorText, systemClock } from "@mesh/base";
import { provideComposeShop } from "./compose_shop.ts";
import { provideDatabasesFrom } from "./databases_from_folder.ts";
import { writeSecretFiles } from "./secret_files.ts";

function required(name: string): string {
  const value = Deno.env.get(name);
  if (value === undefined || value === "") throw new ConfigError(`Cannot provision: ${name} is not set`);
  return value;
}

const log = (line: string) => console.log(line);

async function run([what, folder]: readonly string[]): Promise<void> {
  if (what === "compose") {
    return await provideComposeShop({
      secret: required("JANGTEO_SECRET"),
      managementUrl: required("MESH_MANAGEMENT_URL"),
      adminUrl: required("MESH_ADMIN_URL"),
      folder: required("MESH_STATE_FOLDER"),
      partitions: Number(required("MESH_PARTITIONS")),
      nowMs: systemClock.nowMs(),
      log,
    });
  }
  if (what === "databases") {
    const [passwords, adminUrl] = [required("MESH_PASSWORDS_FOLDER"), required("MESH_ADMIN_URL")];
    return await provideDatabasesFrom({ folder: passwords, adminUrl }, log);
  }
  if (what === "secrets" && folder !== undefined) return await writeSecretFiles(folder, log);
  throw new ConfigError(`Cannot provision "${what ?? ""}": want compose, databases, or secrets <folder>`);
}

try {
  await run(Deno.args);
} catch (error) {
  console.error(errorText(error));
  Deno.exit(1);
}
