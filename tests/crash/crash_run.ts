import { systemClock, UnavailableError } from "@mesh/base";
import { type TestShop, type TestShopOptions, waitFor } from "../e2e/harness/mod.ts";
import type { OrderStream } from "../chaos/order_stream.ts";
import type { Place } from "./crash_points.ts";
import { caughtUpLine, type PlantOrder, pointOfHeldLine } from "./held_line.ts";
import { type MatrixRow, passesOf } from "./matrix.ts";
import { TransactionHold } from "./transaction_hold.ts";

/** What became of one row. */
export interface CrashOutcome {
  readonly service: string;
  readonly point: string;
  /** Orders in flight when the process was ended. */
  readonly inFlight: number;
  /** From the start of the process until it stood at the point, in milliseconds. */
  readonly reachedAfterMs: number;
}

/** 2 minutes, of a busy machine: a point that is not reached by then is not reached. */
const reachLimitMs = 120_000;
/** What a shell and the kernel make of SIGKILL. */
const killedCode = 128 + 9;

/** Ends processes at planted points, in a shop that was started with {@link CrashRun.options}. */
export class CrashRun {
  readonly #orders = new Map<string, PlantOrder>();
  /** The point that a process holds still at, by service. */
  readonly #held = new Map<string, string>();
  /** Services that have caught up with their mailbox since they were started. */
  readonly #caughtUp = new Set<string>();

  /** How a shop has to be set up: its processes can be given points. */
  get options(): Pick<TestShopOptions, "adapt" | "onLine"> {
    return {
      adapt: (name, program) => {
        const order = this.#orders.get(name);
        return order === undefined ? program : planted(program, order);
      },
      onLine: (name, line) => {
        const point = pointOfHeldLine(line);
        if (point !== undefined) this.#held.set(name, point);
        if (line === caughtUpLine) this.#caughtUp.add(name);
      },
    };
  }

  /**
   * Ends the running process of a service and starts it with a point, ends it there, and leaves it ended.
   *
   * @throws {UnavailableError} If the point is not reached, or the process did not die of our signal.
   */
  async endure(
    test: TestShop,
    { row, round, stream }: { readonly row: MatrixRow; readonly round: number; readonly stream: OrderStream },
  ): Promise<CrashOutcome> {
    const { service, point: { name: point, place } } = row;
    await kill(test, service);
    const startedMs = systemClock.monotonicMs();
    const inFlight = () => stream.inFlight.length;
    const seen = place.at === "transaction"
      ? await this.#endInTransaction(test, service, place, inFlight)
      : await this.#endAtPoint(test, row, { passes: passesOf(row, round), inFlight });
    return { service, point, inFlight: seen, reachedAfterMs: Math.round(systemClock.monotonicMs() - startedMs) };
  }

  /** Starts a service as it is meant to run, unless it runs so, and waits until it is ready. */
  async restore(test: TestShop, service: string): Promise<void> {
    if (test.shop.child(service).isRunning && !this.#orders.has(service)) return;
    await kill(test, service);
    this.#orders.delete(service);
    test.shop.restart(service);
    await test.shop.untilReady(service);
  }

  /** Makes a service's next death the first one in a row, as if it had been stopped in order before. */
  async forgive({ records }: TestShop, service: string): Promise<void> {
    await records.sql(service)`update mesh.run set is_running = false, died_count = 0`;
  }

  async #endAtPoint(
    test: TestShop,
    { service, point }: MatrixRow,
    { passes, inFlight }: { readonly passes: number; readonly inFlight: () => number },
  ): Promise<number> {
    const child = this.#start(test, service, {
      point: point.name,
      passes,
      waitsForCatchUp: point.isRare !== true && hearsMessages(service),
    });
    await waitFor(`${service} holding still at "${point.name}"`, () => {
      if (!child.isRunning) throw new UnavailableError(`Cannot wait for ${service}: it has ended by itself`);
      return this.#held.get(service) === point.name;
    }, reachLimitMs);
    const seen = inFlight();
    await kill(test, service);
    return seen;
  }

  async #endInTransaction(
    test: TestShop,
    service: string,
    place: Extract<Place, { at: "transaction" }>,
    inFlight: () => number,
  ): Promise<number> {
    const { shop } = test;
    this.#start(test, service, { passes: 0, waitsForCatchUp: false });
    await shop.untilReady(service);
    if (hearsMessages(service)) {
      await waitFor(`${service} with its mailbox`, () => this.#caughtUp.has(service), reachLimitMs);
    }
    const url = new URL(shop.infra.postgres.adminUrl);
    url.pathname = new URL(shop.environmentOf(service).MESH_POSTGRES_URL!).pathname;
    await using hold = await TransactionHold.place({ url: url.href, service, place });
    await hold.untilHeld(reachLimitMs);
    const seen = inFlight();
    await kill(test, service);
    await hold.release();
    return seen;
  }

  #start({ shop }: TestShop, service: string, order: Omit<PlantOrder, "outside">): Child {
    const outside = [`http://127.0.0.1:${shop.ports.payment}`, `http://127.0.0.1:${shop.ports.carrier}`];
    this.#held.delete(service);
    this.#caughtUp.delete(service);
    this.#orders.set(service, { ...order, outside });
    return shop.restart(service);
  }
}

type Child = ReturnType<TestShop["shop"]["restart"]>;

/**
 * Whether something comes to a service over the broker. Such a one is ended only after it has caught up: the broker counts
 * how often it has delivered a message in vain, and one that came ten times to a process that died is taken for the cause.
 */
function hearsMessages(service: string): boolean {
  return service !== "users" && service !== "audit";
}

/** `kill -9`; does nothing where it has ended already. */
async function kill({ shop }: TestShop, service: string): Promise<void> {
  const child = shop.child(service);
  if (!child.isRunning) return;
  child.signal("SIGKILL");
  const code = await child.ended;
  if (code !== killedCode) throw new UnavailableError(`Cannot kill ${service}: it had ended with code ${code}`);
}

/** The same program with a point planted in it. */
function planted(
  { args: [run, ...args], env }: ReturnType<NonNullable<TestShopOptions["adapt"]>>,
  order: PlantOrder,
): ReturnType<NonNullable<TestShopOptions["adapt"]>> {
  const file = (name: string) => new URL(name, import.meta.url).pathname;
  return {
    args: [
      run!,
      `--preload=${file("plant.ts")}`,
      `--import-map=${file("crash_map.json")}`,
      ...args,
      JSON.stringify(order),
    ],
    env,
  };
}
