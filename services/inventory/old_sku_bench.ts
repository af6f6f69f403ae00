// deno-lint-ignore-file mesh/import-direction mesh/no-console -- A measurement starts its own server and prints.
import { behaviourOf } from "@mesh/actor";
import { systemClock, systemIds } from "@mesh/base";
import { brokerTopology, MemoryBrokerServer } from "@mesh/broker";
import { emitPolicyFrom, fixedKeyDirectory, generateSigningKey, keyFile, policyIndex } from "@mesh/envelope";
import { defaultSettings, type RunningService, silentLog, silentMeter, startService } from "@mesh/runtime";
import { PostgresStore } from "@mesh/store";
import { maintainInbox, migrate, provisionService, readMeshMigrations } from "@mesh/store/migrate";
import { startInfra } from "@mesh/testing/infra";
import { inventory } from "./actor.ts";
import { CountStock, ReserveStock, ShipOut } from "./contract.ts";
import { service as definition } from "./service.ts";

const oldSku = "OLD-0001";
const unitsOnHand = 1_000_000;
/** As many messages as a turn takes at most. */
const atOnce = defaultSettings.batchMax;
/** Orders that a second of a measurement is about good for, in turns of one message and in full turns. */
const [singlesPerSecond, batchedPerSecond] = [50, 800];
const { stateVersion } = behaviourOf(inventory);
const ids = systemIds();

/**
 * What the past of a SKU costs: one that has reserved and shipped 100,000 orders, each in turns of this very service with
 * real signatures, beside one that was counted for the first time a moment ago. Both are measured round by round, with
 * turns of one message and of 64, and by the time that loading one from Postgres takes.
 *
 * `deno run --allow-all services/inventory/old_sku_bench.ts [orders] [rounds] [seconds]`
 */
if (import.meta.main) {
  const [orderCount = 100_000, roundCount = 5, seconds = 4] = Deno.args.map(Number);
  await using infra = await startInfra({ wants: ["postgres"] });
  await using shelf = await openShelf(infra.postgres.adminUrl);
  const beginMs = systemClock.monotonicMs();
  await shelf.count(oldSku);
  await shelf.passOrders(oldSku, { orders: orderCount, inFlight: atOnce });
  console.error(`${orderCount} orders of ${oldSku} in ${Math.round((systemClock.monotonicMs() - beginMs) / 1_000)} s`);
  const figures: Figures[] = [];
  for (let round = 0; round <= roundCount; round += 1) {
    const newSku = `NEW-${String(round).padStart(4, "0")}`;
    await shelf.count(newSku);
    const order = round % 2 === 0 ? [oldSku, newSku] : [newSku, oldSku];
    const found = new Map<string, TurnFigures>();
    for (const sku of order) found.set(sku, await measureTurns(shelf, sku, seconds));
    const [oldLoadMs, newLoadMs] = await measureLoads(shelf, [oldSku, newSku]);
    // The first round warms up.
    if (round > 0) {
      figures.push({
        old: { ...found.get(oldSku)!, loadMs: oldLoadMs! },
        new: { ...found.get(newSku)!, loadMs: newLoadMs! },
      });
    }
  }
  print(figures, orderCount);
}

/** The service at work, without any mailbox: its commands are its own. */
interface Shelf extends AsyncDisposable {
  readonly store: PostgresStore;
  count(sku: string): Promise<void>;
  /** Reserves and ships one unit for each order, so many at once. @returns What each of the turns' messages took. */
  passOrders(
    sku: string,
    load: { readonly orders: number; readonly inFlight: number },
  ): Promise<readonly number[]>;
}

async function openShelf(adminUrl: string): Promise<Shelf> {
  const made = await provisionService({ adminUrl, service: "inventory", password: "runtime", prefix: "bench_" });
  const owner = { url: made.ownerUrl, role: made.ownerRole };
  await migrate({ ...owner, runtimeRole: made.runtimeRole, sets: [await readMeshMigrations()] });
  await maintainInbox(owner);
  await using opened = new AsyncDisposableStack();
  const store = opened.use(new PostgresStore({ url: made.url, clock: systemClock }));
  const server = opened.use(new MemoryBrokerServer({ clock: systemClock }));
  await server.load(brokerTopology([definition], { partitions: 1 }));
  const broker = opened.use(await server.connect(definition.name));
  const { key, publicJwk } = generateSigningKey(definition.name);
  const file = keyFile(definition.name, [{ jwk: publicJwk, status: "active" }]);
  const running = await startService({
    definition,
    behaviour: behaviourOf(inventory),
    broker,
    store,
    signingKey: key,
    keys: fixedKeyDirectory({ [file.name]: file.text }),
    policy: policyIndex(emitPolicyFrom([definition])),
    feeds: { read: refuse, readStream: refuse },
    clock: systemClock,
    ids,
    log: { ...silentLog, error: (text: string, values?: object) => console.error(text, values) },
    meter: silentMeter,
    settings: defaultSettings,
    partitions: 1,
    abandon: (reason: string) => {
      throw new Error(reason);
    },
  });
  opened.defer(() => running.drain());
  const all = opened.move();
  return {
    store,
    count: async (sku) => {
      await running.execute(CountStock({ sku, warehouse: "ams", countId: ids.next(), unitsOnHand }));
    },
    passOrders: (sku, load) => passOrders(running, sku, load),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

function refuse(): Promise<never> {
  return Promise.reject(new Error("Cannot measure: nobody has a feed here"));
}

async function passOrders(
  running: RunningService,
  sku: string,
  { orders, inFlight }: { readonly orders: number; readonly inFlight: number },
): Promise<readonly number[]> {
  const tookMs: number[] = [];
  const timed = async (command: Parameters<RunningService["execute"]>[0], wanted: string) => {
    const startMs = systemClock.monotonicMs();
    const [event] = await running.execute(command);
    if (event?.type !== wanted) throw new Error(`Cannot measure: ${command.type} led to ${event?.type}`);
    tookMs.push(systemClock.monotonicMs() - startMs);
  };
  let next = 0;
  const passInTurn = async () => {
    while (next < orders) {
      next += 1;
      const orderId = ids.next();
      await timed(ReserveStock({ orderId, sku, units: 1 }), "inventory.stock-reserved");
      await timed(ShipOut({ orderId, sku }), "inventory.stock-shipped-out");
    }
  };
  await Promise.all(Array.from({ length: inFlight }, passInTurn));
  return tookMs;
}

/** Medians of one SKU in one round. */
interface TurnFigures {
  readonly turnOfOneMs: number;
  readonly messagesPerSecond: number;
}

interface Side extends TurnFigures {
  readonly loadMs: number;
}

interface Figures {
  readonly old: Side;
  readonly new: Side;
}

async function measureTurns({ passOrders }: Shelf, sku: string, seconds: number): Promise<TurnFigures> {
  const singles = await passOrders(sku, { orders: singlesPerSecond * seconds, inFlight: 1 });
  const orders = batchedPerSecond * seconds;
  const beginMs = systemClock.monotonicMs();
  await passOrders(sku, { orders, inFlight: atOnce });
  return { turnOfOneMs: median(singles), messagesPerSecond: 2_000 * orders / (systemClock.monotonicMs() - beginMs) };
}

/** In turn, and both with about as many events behind their last snapshot: that is what a load takes its time for. */
async function measureLoads({ store, passOrders }: Shelf, skus: readonly string[]): Promise<readonly number[]> {
  const load = async (sku: string) => (await store.loadStreams([`inventory/${sku}`], stateVersion))[0]!;
  for (const sku of skus) {
    while (Math.abs((await load(sku)).events.length - 50) > 1) await passOrders(sku, { orders: 1, inFlight: 1 });
  }
  const loadsMs = skus.map((): number[] => []);
  for (let count = 0; count < 200; count += 1) {
    for (const [at, sku] of skus.entries()) {
      const startMs = systemClock.monotonicMs();
      await load(sku);
      loadsMs[at]!.push(systemClock.monotonicMs() - startMs);
    }
  }
  return loadsMs.map(median);
}

function print(figures: readonly Figures[], orderCount: number): void {
  const line = (name: string, digits: number, of: (side: Side) => number) => {
    const ratios = figures.map((each) => of(each.old) / of(each.new)).sort((a, b) => a - b);
    const side = (which: "old" | "new") => median(figures.map((each) => of(each[which]))).toFixed(digits);
    console.log(
      `${name.padEnd(28)} old ${side("old")}, new ${side("new")}, old ÷ new ${median(ratios).toFixed(2)} ` +
        `[${ratios.at(0)?.toFixed(2)}-${ratios.at(-1)?.toFixed(2)}]`,
    );
  };
  console.log(`A SKU with ${orderCount} past orders beside a new one, ${figures.length} rounds:`);
  line("turn of one, ms", 2, ({ turnOfOneMs }) => turnOfOneMs);
  line(`messages/s, turns of ${atOnce}`, 0, ({ messagesPerSecond }) => messagesPerSecond);
  line("load from Postgres, ms", 2, ({ loadMs }) => loadMs);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
