/** Root of the repository, with a slash at its end. */
export const root: URL = new URL("../../", import.meta.url);

/** Folders that are made and not written. */
const madeFolders = new Set([".git", ".tools", "node_modules"]);

/** @returns The text of a file, by its path from the root. */
export function readText(path: string): string {
  return Deno.readTextFileSync(new URL(path, root));
}

/** @returns Whether there is a file or folder. */
export function exists(path: string): boolean {
  try {
    Deno.statSync(new URL(path, root));
    return true;
  } catch {
    return false;
  }
}

/**
 * Lists files by their ends.
 *
 * @param suffixes For example `.md`.
 * @returns Paths from the root, sorted.
 */
export function listFiles(...suffixes: readonly string[]): readonly string[] {
  const found: string[] = [];
  const collect = (folder: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, root))) {
      if (isDirectory && !madeFolders.has(name)) collect(`${folder}${name}/`);
      else if (suffixes.some((suffix) => name.endsWith(suffix))) found.push(`${folder}${name}`.slice(2));
    }
  };
  collect("./");
  return found.sort();
}
