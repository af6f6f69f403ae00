import { UnavailableError } from "@mesh/base";
import postgres from "postgres";
import { waitFor } from "../e2e/harness/mod.ts";
import type { Place } from "./crash_points.ts";

/** What is held, in which database, of whose connections. */
export interface HoldOptions {
  /** URL of an administrator, naming the service's database. */
  readonly url: string;
  readonly service: string;
  readonly place: Extract<Place, { at: "transaction" }>;
}

/** Any number: the lock that held transactions wait for. */
const lockKey = 7_741;

/**
 * Holds a service's next transaction at one place inside it: the database itself waits there, for a lock that this has.
 *
 * The process waits for its statement meanwhile. After its death the transaction is rolled back or goes on to its commit:
 * both are what a server may do whose client is gone.
 */
export class TransactionHold implements AsyncDisposable {
  readonly #options: HoldOptions;
  /** Has the lock. */
  readonly #sql: postgres.Sql;
  /** Looks who waits: within a transaction the server would show the same state for ever. */
  readonly #looking: postgres.Sql;
  #held: readonly number[] = [];

  private constructor(options: HoldOptions) {
    this.#options = options;
    const settings = { application_name: "crash", idle_in_transaction_session_timeout: 0, lock_timeout: 20_000 };
    const connect = () => postgres(options.url, { max: 1, onnotice: () => {}, connection: settings });
    this.#sql = connect();
    this.#looking = connect();
  }

  /** Puts the hold in place. */
  static async place(options: HoldOptions): Promise<TransactionHold> {
    const hold = new TransactionHold(options);
    await hold.#install();
    return hold;
  }

  /** Waits until a transaction stands at the place. @throws {UnavailableError} If none comes in time. */
  async untilHeld(limitMs: number): Promise<void> {
    const { service, place: { table, moment } } = this.#options;
    const what = `a transaction of ${service} held at ${moment} of ${table}`;
    this.#held = await waitFor(what, async () => {
      await this.#sendReadersAway();
      const held = await this.#waiting();
      return held.length > 0 && held;
    }, limitMs);
  }

  /** Lets the place go: what stands there ends as was said. */
  async release(): Promise<void> {
    const { place: { ending } } = this.#options;
    if (ending === "rolled back") {
      for (const pid of this.#held) await this.#looking`select pg_terminate_backend(${pid}, 10000)`;
    }
    await this.#remove();
    await waitFor("the end of held transactions", async () => (await this.#waiting()).length === 0);
    const left = await this.#looking`select 1 from pg_stat_activity where pid = any(${[
      ...this.#held,
    ]}) and xact_start is not null`;
    if (ending === "rolled back" && left.length > 0) throw new UnavailableError("Cannot roll back: it still runs");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#sql.end({ timeout: 1 }), this.#looking.end({ timeout: 1 })]);
  }

  async #install(): Promise<void> {
    const { place: { table, moment } } = this.#options;
    const sql = this.#sql;
    if (moment === "begin") {
      // Every turn reads this row first, once its transaction is there.
      await sql.unsafe("begin");
      await sql.unsafe(`lock table ${table} in access exclusive mode`);
      return;
    }
    await sql`select pg_advisory_lock(${lockKey})`;
    await sql.unsafe(`
      create schema if not exists crash;
      create or replace function crash.hold() returns trigger language plpgsql as $$
      begin
        perform pg_advisory_xact_lock_shared(${lockKey});
        return new;
      end $$;
      drop trigger if exists crash_hold on ${table};
      ${
      moment === "row"
        ? `create trigger crash_hold before insert or update on ${table} for each row execute function crash.hold()`
        : `create constraint trigger crash_hold after insert on ${table} deferrable initially deferred
          for each row execute function crash.hold()`
    }`);
  }

  async #remove(): Promise<void> {
    const { place: { table, moment } } = this.#options;
    if (moment === "begin") return void await this.#sql.unsafe("rollback");
    await this.#sql`select pg_advisory_unlock(${lockKey})`;
    await this.#sql.unsafe(`drop trigger if exists crash_hold on ${table}`);
  }

  /** Whoever reads the feed stands at the same table; a few of them would have all connections, and no turn would come. */
  async #sendReadersAway(): Promise<void> {
    const { service, place: { moment } } = this.#options;
    if (moment !== "begin") return;
    await this.#looking`
      select pg_cancel_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name = ${service} and state = 'active'
        and wait_event_type = 'Lock' and wait_event = 'relation' and query not like '%mesh.commit_turn%'`;
  }

  /** Process ids of the service's connections that stand at the place. */
  async #waiting(): Promise<readonly number[]> {
    const { service, place: { moment } } = this.#options;
    const query = moment === "begin" ? "%mesh.commit_turn%" : "%";
    const event = moment === "begin" ? "relation" : "advisory";
    const rows = await this.#looking<{ pid: number }[]>`
      select pid from pg_stat_activity
      where datname = current_database() and application_name = ${service} and state = 'active'
        and wait_event_type = 'Lock' and wait_event = ${event} and query like ${query}
        and ${moment === "begin" ? 0 : lockKey} in (0, (
          select objid::int from pg_locks l where l.pid = pg_stat_activity.pid and not l.granted limit 1))`;
    return rows.map(({ pid }) => pid);
  }
}
