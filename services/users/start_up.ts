import { errorCode } from "@mesh/base";
import type { AccountParts } from "./parts.ts";
import { type SeedAccount, seedAccounts } from "./seed.ts";
import { reportReuse } from "./sessions.ts";

/** Time between two tries while the database is away, in milliseconds. */
const retryMs = 1_000;

/**
 * Does what is to be done once at the start: seeds accounts, and tells of reuses that the process before this one did not
 * get to. Waits for a database that is away.
 *
 * @param signal Ends the waiting.
 * @throws What is no outage: a wrong seed is not healed by waiting.
 */
export async function startUp(
  parts: AccountParts,
  seeds: readonly SeedAccount[],
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await seedAccounts(parts, seeds);
      return await reportReuse(parts);
    } catch (error) {
      if (errorCode(error) !== "dependency.unavailable") throw error;
    }
    await parts.clock.delay(retryMs, signal);
  }
}
