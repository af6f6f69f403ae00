import { provisionService } from "@mesh/store/migrate";
import { databaseSecret, ownerSecret } from "../manifests/secret_names.ts";
import { services } from "../topology.ts";

/** Where databases are made from. */
export interface DatabasesSource {
  /** One file per password, named after its secret. */
  readonly folder: string;
  /** URL of the server, for a role that may make databases and roles. */
  readonly adminUrl: string;
  /** Put before every name, so that several shops can share a server. */
  readonly prefix?: string;
}

/**
 * Makes a database with its runtime role and its owner role for every service, or sets the passwords of those there are.
 *
 * @throws {UnavailableError} If the server is away.
 */
export async function provideDatabasesFrom(
  { folder, adminUrl, prefix = "" }: DatabasesSource,
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
      prefix,
    });
    log(`${database}: database and roles are there`);
  }
}
