import { provisionService } from "@mesh/store/migrate";
import { databaseSecret, ownerSecret } from "../manifests/secret_names.ts";
import { services } from "../topology.ts";

/**
 * Makes a database with its runtime role and its owner role for every service, or sets the passwords of those there are.
 *
 * @param folder One file per password, named after its secret.
 * @param adminUrl URL of the server, for a role that may make databases and roles.
 * @throws {UnavailableError} If the server is away.
 */
export async function provideDatabasesFrom(
  folder: string,
  adminUrl: string,
  log: (line: string) => void,
): Promise<void> {
  for (const { name: service } of services) {
    const [password, ownerPassword] = await Promise.all(
      [databaseSecret(service), ownerSecret(service)].map((name) => Deno.readTextFile(`${folder}/${name}`)),
    );
    const { database } = await provisionService({
      adminUrl,
      service,
      password: password!.trim(),
      ownerPassword: ownerPassword!.trim(),
    });
    log(`${database}: database and roles are there`);
  }
}
