import { brokerSecret } from "../manifests/secret_names.ts";

/**
 * Finds the passwords of the services' broker users in a folder of secrets: `<folder>/orders-broker`, a file, or a folder
 * with a file `password`, as a cluster mounts secrets and `deno task secrets` writes them.
 *
 * @param folder Absent: nobody knows any password.
 */
export function brokerPasswords(folder: string | undefined): (user: string) => Promise<string | undefined> {
  return async (user) => {
    if (folder === undefined) return undefined;
    const secret = `${folder}/${brokerSecret(user)}`;
    return await readSecret(secret) ?? await readSecret(`${secret}/password`);
  };
}

async function readSecret(path: string): Promise<string | undefined> {
  try {
    return (await Deno.readTextFile(path)).trim() || undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.IsADirectory) return undefined;
    if (error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}
