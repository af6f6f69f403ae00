import { compareLock, extendLock, lockOf, renderLock } from "@mesh/contract";
import { lockedPackages, readLock } from "./locked_packages.ts";

/** `deno task lock`: takes new contracts and further optional fields into the lock files; refuses every other change. */
if (import.meta.main) {
  for (const locked of await lockedPackages()) {
    const published = readLock(locked);
    const current = lockOf(locked.contracts);
    const findings = compareLock(published, current);
    Deno.writeTextFileSync(locked.file, renderLock(extendLock(published, current)));
    for (const { name, verdict } of findings) console.log(`${verdict} ${name}`);
  }
}
