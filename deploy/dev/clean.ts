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
  const lock = lockFolder(folder);
  // Only what a crashed supervisor left: a living one would hold the lock.
  await killProcessesIn(folder);
  lock.release();
  const volumes = await removeVolumes(folder);
  await Deno.remove(folder, { recursive: true });
  for (const volume of volumes) console.log(`removed the volume ${volume}`);
  console.log(`removed ${folder}`);
} catch (error) {
  if (error instanceof Deno.errors.NotFound) console.log(`nothing to remove in ${folder}`);
  else {
    console.error(errorText(error));
    Deno.exit(1);
  }
}
