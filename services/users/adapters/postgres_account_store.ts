import type postgres from "postgres";
import {
  type Account,
  type AccountStore,
  type AccountWrite,
  type AddressVersion,
  judgeRefresh,
  type RefreshToken,
  type ReusedSession,
  type Rotation,
  type Session,
  type SessionOwner,
} from "../account_store.ts";
import type { Throttle } from "../login_throttle.ts";
import {
  accountFromRow,
  type AccountRow,
  addressFromRow,
  type AddressRow,
  sessionFromRow,
  type SessionRow,
  throttleFromRow,
  type ThrottleRow,
} from "./account_rows.ts";
import { applyWrites, insertToken, type Statements } from "./apply_writes.ts";

/** Runs statements on the service's database and translates what the driver throws. */
export interface Database {
  /**
   * @param what For the error message.
   * @param work One statement or one transaction; may be run again after a deadlock.
   * @throws {UnavailableError} If the database is away.
   */
  run<T>(what: string, work: (sql: postgres.Sql) => PromiseLike<T>): Promise<T>;
}

type LockedToken = SessionRow & {
  readonly token_expires_at: Date;
  readonly used_at: Date | null;
  readonly ended_at: Date | null;
  readonly role: SessionOwner["role"];
};

/**
 * Keeps accounts in the schema `users`.
 *
 * @param database Its role may read and write the tables of the schema.
 */
export function postgresAccountStore(database: Database): AccountStore {
  return {
    findAccountByEmail: async (emailKey) => {
      const [row] = await database.run(
        "find an account",
        (sql) => sql<AccountRow[]>`select * from users.account where email_key = ${emailKey}`,
      );
      return row === undefined ? undefined : accountFromRow(row);
    },
    findAccounts: (customerIds) => findAccounts(database, customerIds),
    write: (writes: readonly AccountWrite[]) =>
      database.run("write accounts", async (sql) => {
        await sql.begin((transaction) => applyWrites(transaction, writes));
      }),
    rotate: (tokenHash, nowMs, next) =>
      database.run(
        "rotate a refresh token",
        (sql) => sql.begin((transaction) => rotate(transaction, { tokenHash, nowMs, next })) as Promise<Rotation>,
      ),
    findLiveSession: async (tokenHash, nowMs) => {
      const [row] = await database.run(
        "find a session",
        (sql) =>
          sql<SessionRow[]>`
            select session.* from users.refresh_token join users.session using (session_id)
            where token_hash = ${tokenHash} and ended_at is null and session.expires_at > ${new Date(nowMs)}`,
      );
      return row === undefined ? undefined : sessionFromRow(row);
    },
    listUnreportedReuse: (limit) => listUnreportedReuse(database, limit),
    changeThrottles: (subjects, nowMs, change) =>
      database.run("count attempts", async (sql) => {
        await sql.begin((transaction) => changeThrottles(transaction, { subjects, nowMs, change }));
      }),
    listAddresses: async (customerId) => {
      const rows = await database.run(
        "list addresses",
        (sql) =>
          sql<AddressRow[]>`
            select * from users.address where customer_id = ${customerId} order by address_ref desc limit 1000`,
      );
      return rows.map(addressFromRow);
    },
    findAddresses: (addressRefs) => findAddresses(database, addressRefs),
    findAddressByKey: (customerId, idempotencyKey) => findAddressByKey(database, customerId, idempotencyKey),
  };
}

async function findAccounts(database: Database, customerIds: readonly string[]): Promise<readonly Account[]> {
  const rows = await database.run(
    "find accounts",
    (sql) => sql<AccountRow[]>`select * from users.account where customer_id = any (${[...customerIds]}::uuid[])`,
  );
  return rows.map(accountFromRow);
}

async function findAddresses(database: Database, addressRefs: readonly string[]): Promise<readonly AddressVersion[]> {
  const rows = await database.run(
    "find addresses",
    (sql) => sql<AddressRow[]>`select * from users.address where address_ref = any (${[...addressRefs]}::uuid[])`,
  );
  return rows.map(addressFromRow);
}

async function findAddressByKey(
  database: Database,
  customerId: string,
  idempotencyKey: string,
): Promise<AddressVersion | undefined> {
  const [row] = await database.run(
    "find an address",
    (sql) =>
      sql<AddressRow[]>`
        select * from users.address where customer_id = ${customerId} and idempotency_key = ${idempotencyKey}`,
  );
  return row === undefined ? undefined : addressFromRow(row);
}

async function listUnreportedReuse(database: Database, limit: number): Promise<readonly ReusedSession[]> {
  const rows = await database.run(
    "list unreported reuse",
    (sql) =>
      sql<SessionRow[]>`
        select * from users.session where end_reason = 'reuse' and reported_at is null order by ended_at limit ${limit}`,
  );
  return rows.map(({ session_id, customer_id }) => ({ sessionId: session_id, customerId: customer_id }));
}

interface RotationRequest {
  readonly tokenHash: string;
  readonly nowMs: number;
  readonly next: (session: Session, owner: SessionOwner) => RefreshToken;
}

async function rotate(sql: Statements, { tokenHash, nowMs, next }: RotationRequest): Promise<Rotation> {
  // Both rows are locked, so that a second use that waits here sees what the first has written.
  const [row] = await sql<LockedToken[]>`
    select session.*, refresh_token.expires_at as token_expires_at, refresh_token.used_at, account.role
    from users.refresh_token
      join users.session using (session_id)
      join users.account using (customer_id)
    where token_hash = ${tokenHash}
    for update of refresh_token, session`;
  if (row === undefined) return { outcome: "refused" };
  const outcome = judgeRefresh({
    isUsed: row.used_at !== null,
    tokenExpiresAtMs: row.token_expires_at.getTime(),
    sessionExpiresAtMs: row.expires_at.getTime(),
    isSessionEnded: row.ended_at !== null,
  }, nowMs);
  if (outcome === "reused") {
    await sql`
      update users.session set ended_at = ${new Date(nowMs)}, end_reason = 'reuse'
      where session_id = ${row.session_id}`;
  }
  if (outcome !== "rotated") return { outcome };
  const owner = { customerId: row.customer_id, role: row.role };
  await sql`update users.refresh_token set used_at = ${new Date(nowMs)} where token_hash = ${tokenHash}`;
  await insertToken(sql, next(sessionFromRow(row), owner));
  return { outcome, owner };
}

interface ThrottleChange {
  readonly subjects: readonly string[];
  readonly nowMs: number;
  readonly change: (throttles: readonly (Throttle | undefined)[]) => readonly (Throttle | undefined)[] | undefined;
}

async function changeThrottles(sql: Statements, { subjects, nowMs, change }: ThrottleChange): Promise<void> {
  // A subject that has no row yet cannot be locked by its row. Sorted, so that two changes never wait for each other.
  await sql`
    select pg_advisory_xact_lock(lock) from (
      select distinct hashtextextended(subject, 9101) as lock
      from jsonb_array_elements_text(${JSON.stringify(subjects)}::text::jsonb) as subject
      order by lock offset 0
    ) as locks`;
  const rows = await sql<ThrottleRow[]>`
    select * from users.throttle
    where subject in (select jsonb_array_elements_text(${JSON.stringify(subjects)}::text::jsonb))`;
  const known = new Map(rows.map((row) => [row.subject, throttleFromRow(row)]));
  const changed = change(subjects.map((subject) => known.get(subject)));
  if (changed === undefined) return;
  for (const [at, subject] of subjects.entries()) await writeThrottle(sql, subject, changed[at]);
  // A row that is new makes room for itself; what nobody tried for a day is forgotten by every policy.
  if (known.size < subjects.length) {
    await sql`
      delete from users.throttle where subject in (
        select subject from users.throttle where last_at < ${new Date(nowMs - 86_400_000)}
        order by last_at limit 20 for update skip locked)`;
  }
}

async function writeThrottle(sql: Statements, subject: string, throttle: Throttle | undefined): Promise<void> {
  if (throttle === undefined) {
    await sql`delete from users.throttle where subject = ${subject}`;
    return;
  }
  const { attemptCount, lastAtMs, blockedUntilMs } = throttle;
  const blockedUntil = blockedUntilMs === 0 ? null : new Date(blockedUntilMs);
  await sql`
    insert into users.throttle (subject, attempt_count, last_at, blocked_until)
    values (${subject}, ${attemptCount}, ${new Date(lastAtMs)}, ${blockedUntil})
    on conflict (subject) do update set
      attempt_count = excluded.attempt_count, last_at = excluded.last_at, blocked_until = excluded.blocked_until`;
}
