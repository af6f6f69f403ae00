import { type Clock, UnavailableError } from "@mesh/base";
import postgres from "postgres";
import { isRetryable, translateError } from "./translate_error.ts";

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
  /** The driver, for statements of one's own; arrays work once any call has succeeded (see `#learnTypes`). */
  readonly sql: postgres.Sql;
  readonly #clock: Clock;
  readonly #callLimitMs: number;
  #typesKnown: Promise<unknown> | undefined;

  /** Connects with the first call. */
  constructor(options: ConnectionOptions) {
    this.#clock = options.clock;
    this.#callLimitMs = options.callLimitMs ?? 15_000;
    this.sql = postgres(options.url, {
      max: options.poolMax ?? 4,
      connect_timeout: 5,
      // The default grows to 20 s: a database that is back would stay unused for that long.
      backoff: (attempt: number) => Math.min(0.05 * 2 ** attempt, 1),
      onnotice: () => {},
      connection: { application_name: options.applicationName ?? "mesh" },
      // Counts, positions and minor units are whole numbers that fit.
      types: { bigint: { to: 20, from: [20], parse: Number, serialize: String } },
    });
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
        return await this.#limit(what, this.#learnTypes().then(() => work(this.sql)));
      } catch (error) {
        if (!isRetryable(error) || count >= 3) throw error;
        await this.#clock.delay(10 * count);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sql.end({ timeout: 5 });
  }

  /**
   * The driver learns the database's array types over its first connection, but may start the first statement before it
   * has understood the answer, and then takes arrays for texts. So the first statement is one without arrays.
   */
  #learnTypes(): Promise<unknown> {
    this.#typesKnown ??= this.sql`select 1`.catch((error: unknown) => {
      this.#typesKnown = undefined;
      throw error;
    });
    return this.#typesKnown;
  }

  async #limit<T>(what: string, work: PromiseLike<T>): Promise<T> {
    const patience = new AbortController();
    const expiry = this.#clock.delay(this.#callLimitMs, patience.signal).then((): never => {
      throw new UnavailableError(`Cannot ${what}: no answer after ${this.#callLimitMs} ms`, { dependency: "postgres" });
    });
    // Ends with the abort below, when nobody listens any more.
    expiry.catch(() => {});
    try {
      return await Promise.race([work, expiry]);
    } finally {
      patience.abort();
    }
  }
}
