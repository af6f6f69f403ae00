import { systemClock } from "@mesh/base";
import type { ContenderSetup } from "../../contender/protocol.ts";
import { inDatabase } from "./in_database.ts";
import type { ServiceBook } from "./judge_mesh.ts";
import { services } from "./services.ts";

/** 10 s: what is confirmed or answered is settled with the next commit, or a second later. */
const quietLimitMs = 10_000;

/** Waits until the outboxes are empty, or until that makes no sense any more, then reads all books. */
export async function readMeshBooks(setup: ContenderSetup): Promise<readonly ServiceBook[]> {
  const deadlineMs = systemClock.monotonicMs() + quietLimitMs;
  // Counting events takes seconds in a long history, so they are counted once.
  while (await countOutboxes(setup) > 0 && systemClock.monotonicMs() < deadlineMs) await systemClock.delay(200);
  return await Promise.all(services.map(({ name }) => readBook(setup, name)));
}

async function countOutboxes(setup: ContenderSetup): Promise<number> {
  const counts = await Promise.all(services.map(({ name }) =>
    inDatabase(setup, name, async (sql) => {
      const [row] = await sql<[{ count: number }]>`select count(*)::int as count from mesh.outbox`;
      return row.count;
    })
  ));
  return counts.reduce((sum, count) => sum + count, 0);
}

function readBook(setup: ContenderSetup, service: string): Promise<ServiceBook> {
  return inDatabase(setup, service, async (sql) => {
    const counted = await sql<{ type: string; count: number }[]>`
      select type, count(*)::int as count from mesh.event group by type`;
    const [rest] = await sql<Pick<ServiceBook, "completed" | "outbox" | "deadLetters">[]>`
      select (select count(*)::int from mesh.event where data->>'phase' = 'completed') as completed,
        (select count(*)::int from mesh.outbox) as outbox,
        (select count(*)::int from mesh.dead_letter) as "deadLetters"`;
    return { service, events: Object.fromEntries(counted.map(({ type, count }) => [type, count])), ...rest! };
  });
}
