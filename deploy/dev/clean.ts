/**
 * Removes the data of this clone's servers (`make clean`). Refuses while they run.
 *
 * @module
 */
import { errorText } from "@mesh/base";
import { killProcessesIn, lockFolder, removeVolumes, stateDir } from "@mesh/testing/infra";

const root = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
const folder = stateDir(root, Deno.env.toObject(), Deno.uid());
try {
  const folders = await listFolders(folder);
  for (const each of folders) await clean(each);
  if (folders.length === 0) console.log(`nothing to remove in ${folder}`);
} catch (error) {
  console.error(errorText(error));
  Deno.exit(1);
}

/** The folder itself and those of shops on other ports, `<folder>-offset-<n>`, as far as they exist. */
async function listFolders(path: string): Promise<readonly string[]> {
  const at = path.lastIndexOf("/");
  const [parent, name] = [path.slice(0, at), path.slice(at + 1)];
  try {
    const found = await Array.fromAsync(Deno.readDir(parent));
    return found.map((entry) => entry.name)
      .filter((entry) => entry === name || entry.startsWith(`${name}-offset-`))
      .map((entry) => `${parent}/${entry}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

async function clean(path: string): Promise<void> {
  const lock = lockFolder(path);
  // Only what a crashed supervisor left: a living one would hold the lock.
  await killProcessesIn(path);
  lock.release();
  for (const volume of await removeVolumes(`${path}/servers`)) console.log(`removed the volume ${volume}`);
  await Deno.remove(path, { recursive: true });
  console.log(`removed ${path}`);
}
