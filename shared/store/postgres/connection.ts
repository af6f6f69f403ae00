import { type Clock, Deadlines, UnavailableError } from "@mesh/base";
import postgres from "postgres";
import { arrayTypes } from "./array_types.ts";
import { guardTransactions } from "./transaction.ts";
import { codeOf, isRetryable, translateError } from "./translate_error.ts";

/** How to reach a database. */
export interface ConnectionOptions {
  /** `postgres://user:password@host:port/database`. */
  readonly url: string;
  /** Times out calls; says nothing about stored times, which come from the database. */
  readonly clock: Clock;
  /** Connections at most, one more for notifications if anybody listens. Default 4. */
  readonly poolMax?: number;
  /** Shown in `pg_stat_activity`. Default `"mesh"`. */
  readonly applicationName?: string;
  /** Longest time for one call in milliseconds; beyond it the outcome is unknown. Default 15,000: half a turn's deadline. */
  readonly callLimitMs?: number;
}

/** A pool of connections that translates errors and bounds every call. */
export class Connection implements AsyncDisposable {
  readonly #options: ConnectionOptions;
  readonly #callLimitMs: number;
  readonly #deadlines: Deadlines;
  #sql: postgres.Sql;

  /** Connects with the first call. */
  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#callLimitMs = options.callLimitMs ?? 15_000;
    this.#deadlines = new Deadlines(options.clock, this.#callLimitMs);
    this.#sql = openPool(options);
  }

  /** The driver, for statements of one's own; ask for it each time, because a pool that cannot connect is replaced. */
  get sql(): postgres.Sql {
    return this.#sql;
  }

  /**
   * Runs statements, at most 3 times where the server asks for it (deadlock, serialization).
   *
   * @param what For the error message: `"load streams"`.
   * @param work Leaves nothing behind when it fails: one statement, or a transaction.
   * @throws {UnavailableError} If the database is away, or the outcome is unknown.
   * @throws {DefectError} If a statement is wrong.
   */
  async run<T>(what: string, work: (sql: postgres.Sql) => PromiseLike<T>): Promise<T> {
    try {
      return await this.attempt(what, work);
    } catch (error) {
      throw translateError(error, what);
    }
  }

  /** Like `run`, but errors of the driver pass untranslated. */
  async attempt<T>(what: string, work: (sql: postgres.Sql) => PromiseLike<T>): Promise<T> {
    for (let count = 1;; count += 1) {
      try {
        return await this.#deadlines.limit(work(this.#sql), () => this.#expired(what));
      } catch (error) {
        this.#renewStuckPool(error);
        if (!isRetryable(error) || count >= 3) throw error;
        await this.#options.clock.delay(10 * count);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sql.end({ timeout: 5 });
    this.#deadlines[Symbol.dispose]();
  }

  /**
   * A connection that dies between the driver's decision to write and the write never writes again, so that it cannot
   * even be renewed; its calls end with this code. A new pool is the way out, and no loss if the server is just away.
   */
  #renewStuckPool(error: unknown): void {
    if (codeOf(error) !== "CONNECT_TIMEOUT") return;
    const stuck = this.#sql;
    this.#sql = openPool(this.#options);
    // Whatever still waits in it fails as if its connection had been lost.
    stuck.end({ timeout: 0 }).catch(() => {});
  }

  #expired(what: string): UnavailableError {
    return new UnavailableError(`Cannot ${what}: no answer after ${this.#callLimitMs} ms`, { dependency: "postgres" });
  }
}

function openPool(options: ConnectionOptions): postgres.Sql {
  const pool = postgres(options.url, {
    max: options.poolMax ?? 4,
    connect_timeout: 5,
    // The default grows to 20 s: a database that is back would stay unused for that long.
    backoff: (attempt: number) => Math.min(0.05 * 2 ** attempt, 1),
    onnotice: () => {},
    connection: { application_name: options.applicationName ?? "mesh" },
    // The driver would ask the server for its array types, over every new connection: if that one dies meanwhile, the
    // process does, and the first statements may run before the answer is understood.
    fetch_types: false,
    // Counts, positions and minor units are whole numbers that fit.
    types: { ...arrayTypes, bigint: { to: 20, from: [20], parse: Number, serialize: String } },
  });
  return guardTransactions(pool);
}
