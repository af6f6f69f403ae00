import { systemClock } from "@mesh/base";
import { withDatabase } from "@mesh/testing/infra";
import postgres from "postgres";
import type { ContenderSetup } from "../../contender/protocol.ts";
import { services } from "./services.ts";

/** What one service has written down. */
export interface ServiceBook {
  readonly service: string;
  /** Events by type. */
  readonly events: Readonly<Record<string, number>>;
  /** Sagas whose last event says that they are completed; 0 but for the orchestrator. */
  readonly completed: number;
  /** Envelopes that wait to be published or answered. */
  readonly outbox: number;
  readonly deadLetters: number;
}

/** Events that one saga leaves behind, by type. */
export const eventsPerSaga: Readonly<Record<string, number>> = {
  "orders.order-placed": 1,
  "inventory.reserved": 1,
  "payment.authorized": 1,
  "payment.captured": 1,
  "shipping.shipped": 1,
  // Started, and one turn for each of four answers.
  "orchestrator.saga-advanced": 5,
};

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

/**
 * Compares what was written down with what so many sagas leave behind.
 *
 * @returns What is wrong; empty when all is as it must be.
 *
 * @example
 * ```ts ignore
 * const faults = faultsOfMesh(await readMeshBooks(setup), 1_000);
 * ```
 */
export function faultsOfMesh(books: readonly ServiceBook[], sagas: number): readonly string[] {
  const events: Record<string, number> = Object.assign({}, ...books.map((book) => book.events));
  const types = new Set([...Object.keys(events), ...Object.keys(eventsPerSaga)]);
  const miscounted = [...types].filter((type) => (events[type] ?? 0) !== (eventsPerSaga[type] ?? 0) * sagas);
  const completed = books.reduce((sum, book) => sum + book.completed, 0);
  return [
    ...miscounted.map((type) => `${events[type] ?? 0} times ${type} after ${sagas} sagas`),
    ...(completed === sagas ? [] : [`${completed} of ${sagas} sagas are completed`]),
    ...books.flatMap(({ service, outbox, deadLetters }) => [
      ...(outbox === 0 ? [] : [`${outbox} envelopes are left in the outbox of ${service}`]),
      ...(deadLetters === 0 ? [] : [`${deadLetters} dead letters of ${service}`]),
    ]),
  ];
}
