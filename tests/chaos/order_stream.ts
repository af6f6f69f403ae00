import { type IdSource, systemClock, systemIds, UnavailableError } from "@mesh/base";
import type { TestShop } from "../e2e/harness/mod.ts";
import type { Customer, WantedOrder } from "../e2e/storefront/mod.ts";

/** When an order was taken, and when it ended; milliseconds since 1970. */
export interface Passage {
  readonly acceptedAtMs: number;
  /** Absent while the order is in flight. */
  readonly endedAtMs?: number;
}

/** How many orders to keep going, and what they ask for. */
export interface OrderStreamOptions {
  /** Orders in flight that the stream aims at. */
  readonly target: number;
  /** Orders after which no more are placed; no bound when absent. */
  readonly countMax?: number;
  /** Brings somebody who is logged in; asked again when an access token has run out. */
  readonly newCustomer: () => Promise<Customer>;
  readonly wanted: (index: number) => WantedOrder;
}

/** Requests under way at once: a storefront with many customers, not a flood. */
const requestsMax = 16;
/** Between two looks at how many orders have ended, in milliseconds. */
const lookEveryMs = 100;
/** Between two requests with the same key, in milliseconds. */
const againAfterMs = 200;

/**
 * Keeps a number of orders in flight whatever happens to the shop, as patient customers would: a request without an answer
 * is repeated with the same key until there is one.
 */
export class OrderStream implements AsyncDisposable {
  readonly #test: TestShop;
  #customer: Promise<Customer> | undefined;
  readonly #options: OrderStreamOptions;
  readonly #ids: IdSource = systemIds();
  readonly #passages = new Map<string, Passage>();
  #stopping = new AbortController();
  readonly #asking = new Set<Promise<void>>();
  #askedCount = 0;
  #refusal: Error | undefined;
  #running: Promise<void> | undefined;

  constructor(test: TestShop, options: OrderStreamOptions) {
    this.#test = test;
    this.#options = options;
  }

  /** Orders by id. */
  get passages(): ReadonlyMap<string, Passage> {
    return this.#passages;
  }

  /** Orders that were taken and have not ended. */
  get inFlight(): readonly string[] {
    return [...this.#passages].filter(([, { endedAtMs }]) => endedAtMs === undefined).map(([orderId]) => orderId);
  }

  /** Begins, or goes on after {@link stop}. */
  start(): void {
    if (this.#running !== undefined) return;
    this.#stopping = new AbortController();
    this.#running = this.#run();
  }

  /**
   * Places no more orders; returns when every request has its answer.
   *
   * @throws {Error} If an order was refused at the door.
   */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await Promise.all(this.#asking);
    this.#running = undefined;
    if (this.#refusal !== undefined) throw this.#refusal;
  }

  /** Looks once which orders have ended; does nothing while the database is away. */
  async look(): Promise<void> {
    const streams = this.inFlight.map((orderId) => `orders/${orderId}`);
    if (streams.length === 0) return;
    const ended = await this.#test.records.sql("orders")<{ orderId: string; endedAtMs: number }[]>`
      select data->>'orderId' as "orderId", recorded_at_ms as "endedAtMs" from mesh.event
      where stream = any(${streams})
        and type in ('orders.order-confirmed', 'orders.order-rejected', 'orders.order-refused')`;
    for (const { orderId, endedAtMs } of ended) {
      this.#passages.set(orderId, { ...this.#passages.get(orderId)!, endedAtMs });
    }
  }

  /** Places one order outside the stream's own pace. */
  async placeOne(): Promise<string> {
    const index = this.#askedCount++;
    return await this.#untilTaken(this.#options.wanted(index), this.#ids.next());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await Promise.all(this.#asking);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const { countMax } = this.#options;
      // Whoever places a given number wants no others in the place of those that have ended.
      if (countMax === undefined) await this.look().catch(() => {});
      const wanted = countMax === undefined
        ? this.#options.target - this.inFlight.length
        : countMax - this.#passages.size;
      const missing = wanted - this.#asking.size;
      for (let free = Math.min(missing, requestsMax - this.#asking.size); free > 0; free -= 1) this.#ask();
      await systemClock.delay(lookEveryMs, signal);
    }
  }

  #ask(): void {
    const asking = this.placeOne().then(() => {}, (error) => {
      this.#refusal ??= error;
      this.#stopping.abort();
    }).finally(() => this.#asking.delete(asking));
    this.#asking.add(asking);
  }

  /** Whoever could not come in is not waited for again. */
  #whoAsks(): Promise<Customer> {
    if (this.#customer !== undefined) return this.#customer;
    const coming = this.#options.newCustomer();
    this.#customer = coming;
    coming.catch(() => {
      if (this.#customer === coming) this.#customer = undefined;
    });
    return coming;
  }

  async #untilTaken(order: WantedOrder, key: string): Promise<string> {
    for (;;) {
      try {
        const customer = await this.#whoAsks();
        const answer = await customer.ask(order, key);
        if (answer.status === 202) {
          const { orderId } = answer.body as { orderId: string };
          this.#passages.set(orderId, { acceptedAtMs: systemClock.nowMs() });
          return orderId;
        }
        if (answer.status === 401) this.#customer = undefined;
        else if (answer.status < 500 && answer.status !== 409 && answer.status !== 429) {
          throw new Error(`Cannot place an order: status ${answer.status}, ${JSON.stringify(answer.body)}`);
        }
      } catch (error) {
        // Nobody answers: the gateway is away, and the key makes sure that asking again does no harm.
        if (!(error instanceof UnavailableError)) throw error;
      }
      await systemClock.delay(againAfterMs);
    }
  }
}
