import type postgres from "postgres";

/** Services with a state, an inbox, a log of events and an outbox each. */
export const participantNames = ["inventory", "payment", "shipping"] as const;

/** Who asks whom for what, in order. */
export const steps = [
  { service: "inventory", asks: "reserve" },
  { service: "payment", asks: "authorize" },
  { service: "payment", asks: "capture" },
  { service: "shipping", asks: "ship" },
] as const;

/** Makes the tables of all services, in one database. */
export async function makeTables(sql: postgres.Sql): Promise<void> {
  for (const name of ["orchestrator", ...participantNames]) {
    await sql.unsafe(`
      create table inbox_${name} (id uuid primary key, at timestamptz default now());
      create table event_${name} (
        position bigint generated always as identity primary key, saga uuid, version int, body text,
        at timestamptz default now(), unique (saga, version));
      create table outbox_${name} (id uuid primary key, queue text, body text, at timestamptz default now());`);
  }
  for (const name of participantNames) {
    await sql.unsafe(
      `create table state_${name} (saga uuid, step int, phase text, at timestamptz default now(), primary key (saga, step))`,
    );
  }
  await sql.unsafe(`create table saga (id uuid primary key, step int not null, phase text not null,
    at timestamptz default now()) with (fillfactor = 70)`);
}

/**
 * Counts what sagas have left behind.
 *
 * @returns What is wrong; empty when all is as it must be. The last rows of an outbox go with the next batch, so they
 *   are not looked at.
 */
export async function faultsOfTables(sql: postgres.Sql, sagas: number): Promise<readonly string[]> {
  const perSaga: Readonly<Record<string, number>> = {
    "saga where phase = 'done'": 1,
    saga: 1,
    event_orchestrator: 1 + steps.length,
    inbox_orchestrator: steps.length,
    ...Object.fromEntries(participantNames.flatMap((name) => {
      const count = steps.filter(({ service }) => service === name).length;
      return ["state", "event", "inbox"].map((table) => [`${table}_${name}`, count]);
    })),
  };
  const faults = await Promise.all(
    Object.entries(perSaga).map(async ([from, count]) => {
      const [row] = await sql.unsafe<{ count: number }[]>(`select count(*)::int as count from ${from}`);
      return row?.count === count * sagas ? [] : [`${row?.count} rows in ${from} after ${sagas} sagas`];
    }),
  );
  return faults.flat();
}
