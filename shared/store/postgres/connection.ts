import { type Clock, Deadlines, UnavailableError } from "@mesh/base";
import postgres from "postgres";
import { arrayTypes } from "./array_types.ts";
import { guardTransactions } from "./transaction.ts";
import { hasPoolFailed, isRetryable, translateError } from "./translate_error.ts";

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
  #listening: postgres.Sql | undefined;
  /** Ends of pools that were replaced. */
  readonly #ending = new Set<Promise<void>>();

  /** Connects with the first call. */
  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#callLimitMs = options.callLimitMs ?? 15_000;
    this.#deadlines = new Deadlines(options.clock, this.#callLimitMs);
    this.#sql = openPool(options);
  }

  /** The driver, for statements of one's own; ask for it each time, because a pool that has lost a connection is replaced. */
  get sql(): postgres.Sql {
    return this.#sql;
  }

  /** Listens to a channel, over a connection of its own that the driver renews; arguments are the driver's. */
  listen(channel: string, onNotify: (payload: string) => void, onListening: () => void): postgres.ListenRequest {
    this.#listening ??= openPool({ ...this.#options, poolMax: 1 });
    return this.#listening.listen(channel, onNotify, onListening);
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
      const pool = this.#sql;
      try {
        return await this.#deadlines.limit(work(pool), () => this.#expired(what));
      } catch (error) {
        this.#renewFailedPool(pool, error);
        if (!isRetryable(error) || count >= 3) throw error;
        await this.#options.clock.delay(10 * count);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#sql.end({ timeout: 5 }), this.#listening?.end({ timeout: 5 }), ...this.#ending]);
    this.#deadlines[Symbol.dispose]();
  }

  /**
   * A pool that has lost a connection is not used again. The driver renews connections in their place, and does not always
   * clear away what belonged to the old one: a statement that it takes up between a socket's error and its end waits for an
   * answer without having been sent, and gets that of the next statement (a commit would seem to have happened), as all
   * after it get the wrong one; one that it has decided to write is never written. What is under way on the pool's other
   * connections fails with an unknown outcome.
   */
  #renewFailedPool(pool: postgres.Sql, error: unknown): void {
    if (pool !== this.#sql || !hasPoolFailed(error)) return;
    this.#sql = openPool(this.#options);
    const ending = pool.end({ timeout: 0 }).catch(() => {}).finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
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
