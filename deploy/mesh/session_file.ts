import type { SessionFile } from "@mesh/cli";

/**
 * Keeps a session in a file that only its owner may read.
 *
 * What is written goes beside it first and takes its place then, so that a process that dies leaves the old session or
 * the new one. A lock file beside it lets one process at a time change it.
 *
 * @param path The folder is made if it is not there.
 */
export function sessionFile(path: string): SessionFile {
  const folder = path.slice(0, path.lastIndexOf("/"));
  return {
    update: async (change) => {
      await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
      using lock = await Deno.open(`${path}.lock`, { create: true, write: true, mode: 0o600 });
      await lock.lock(true);
      const before = await readText(path);
      const { text, result } = await change(before);
      if (text === undefined) await removeFile(path);
      else if (text !== before) await replaceFile(path, text);
      return result;
    },
  };
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function replaceFile(path: string, text: string): Promise<void> {
  // Made with the right mode from the start: a file that is narrowed later was open for a moment.
  await Deno.writeTextFile(`${path}.new`, text, { mode: 0o600 });
  await Deno.chmod(`${path}.new`, 0o600);
  await Deno.rename(`${path}.new`, path);
}

async function removeFile(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
