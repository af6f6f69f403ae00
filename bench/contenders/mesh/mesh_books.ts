import { systemClock } from "@mesh/base";
import { withDatabase } from "@mesh/testing/infra";
import postgres from "postgres";
import type { ContenderSetup } from "../../contender/protocol.ts";
import type { ServiceBook } from "./judge_mesh.ts";
import { services } from "./services.ts";

/** 10 s: what is confirmed or answered is settled with the next commit, or a second later. */
const quietLimitMs = 10_000;

/** Waits until the outboxes are empty, or until that makes no sense any more, then reads all books. */
export async function readMeshBooks(setup: ContenderSetup): Promise<readonly ServiceBook[]> {
  const deadlineMs = systemClock.monotonicMs() + quietLimitMs;
  for (;;) {
    const books = await Promise.all(services.map(({ name }) => readBook(setup, name)));
    if (books.every(({ outbox }) => outbox === 0) || systemClock.monotonicMs() > deadlineMs) return books;
    await systemClock.delay(200);
  }
}

async function readBook({ postgresUrl, databasePrefix }: ContenderSetup, service: string): Promise<ServiceBook> {
  const sql = postgres(withDatabase(postgresUrl, `${databasePrefix}${service}`), { max: 1, onnotice: () => {} });
  try {
    const counted = await sql<{ type: string; count: number }[]>`
      select type, count(*)::int as count from mesh.event group by type`;
    const [rest] = await sql<Pick<ServiceBook, "completed" | "outbox" | "deadLetters">[]>`
      select (select count(*)::int from mesh.event where data->>'phase' = 'completed') as completed,
        (select count(*)::int from mesh.outbox) as outbox,
        (select count(*)::int from mesh.dead_letter) as "deadLetters"`;
    return { service, events: Object.fromEntries(counted.map(({ type, count }) => [type, count])), ...rest! };
  } finally {
    await sql.end();
  }
}
