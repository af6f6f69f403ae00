import type { ReadDirectory } from "./key_directory.ts";

/**
 * Reads key files from a folder of this machine; needs read permission for it.
 *
 * @param path The folder that holds one `<service>.jwks.json` for each service.
 * @returns What `openKeyDirectory` asks for.
 */
export function readKeyFiles(path: string): ReadDirectory {
  return async () => {
    const texts: Record<string, string> = {};
    for await (const { name } of Deno.readDir(path)) {
      // Not isFile: a mounted Kubernetes secret or config map is a folder of links.
      if (name.endsWith(".jwks.json")) texts[name] = await Deno.readTextFile(`${path}/${name}`);
    }
    return texts;
  };
}
