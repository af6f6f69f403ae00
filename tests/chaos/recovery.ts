import { waitFor } from "../e2e/harness/mod.ts";
import type { TestShop } from "../e2e/harness/mod.ts";
import type { Fault } from "./faults.ts";
import type { Ordeal } from "./ordeal.ts";

/** How long one recovery took, in milliseconds from the kill. */
export interface Recovery {
  readonly fault: string;
  /** Until the process or server said that it was ready. */
  readonly readyAfterMs: number;
  /** Until the first commit of new work: see {@link progressSince}. */
  readonly progressAfterMs: number;
  /** Until the last order had ended that was in flight. */
  readonly endedAfterMs: number;
}

/** 60 s: far beyond every bar. */
const progressLimitMs = 60_000;

/** Breaks something once, under orders, and measures how long it takes to recover. */
export async function measureRecovery(test: TestShop, ordeal: Ordeal, fault: Fault): Promise<Recovery> {
  const strike = await ordeal.endure(fault);
  const { struckAtMs, brokenAtMs, mendedAtMs } = strike;
  const progressAtMs = await waitFor(
    `progress after ${fault.name} broke`,
    () => progressSince(test, fault.name, brokenAtMs),
    progressLimitMs,
  );
  return {
    fault: fault.name,
    readyAfterMs: mendedAtMs - struckAtMs,
    progressAfterMs: progressAtMs - struckAtMs,
    endedAfterMs: await ordeal.untilEnded(strike) - struckAtMs,
  };
}

/**
 * When new work was first committed after something had broken: work that did not exist before, so that nothing counts
 * that was under way.
 *
 * - a service: its first turn over a message that was made after its death;
 * - `gateway`: the first order that it accepted; `users`: the first change of an account; `audit`: the first entry of an
 *   event that was recorded later;
 * - a server: the first turn of `orders` over a command that was made after the server's death. Commands have no other way
 *   than the outbox of the gateway or the orchestrator and the broker.
 *
 * @returns Milliseconds since 1970 by the database's clock; `undefined` while there is none.
 */
async function progressSince({ records }: TestShop, fault: string, sinceMs: number): Promise<number | undefined> {
  const sql = records.sql(
    ["postgres", "rabbitmq", "rabbitmq without its data"].includes(fault) ? "orders" : fault,
  );
  const rows = await (() => {
    switch (fault) {
      case "gateway":
        return sql<
          Found[]
        >`select min(accepted_at_ms) as at_ms from gateway.accepted_order where accepted_at_ms > ${sinceMs}`;
      case "users":
        return sql<Found[]>`select min(recorded_at_ms) as at_ms from mesh.event where recorded_at_ms > ${sinceMs}`;
      case "audit":
        return sql<Found[]>`select min(taken_at_ms) as at_ms from audit.entry where recorded_at_ms > ${sinceMs}`;
      default:
        return sql<Found[]>`
          select min(handled_at_ms) as at_ms from mesh.inbox
          where message_id >= ${firstIdOf(sinceMs)}::uuid and handled_at_ms > ${sinceMs}`;
    }
  })();
  return rows[0]?.at_ms ?? undefined;
}

interface Found {
  readonly at_ms: number | null;
}

/** The least UUIDv7 of a millisecond (RFC 9562 5.7). */
export function firstIdOf(ms: number): string {
  const hex = Math.floor(ms).toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}
