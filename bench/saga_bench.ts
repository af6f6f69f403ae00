/**
 * `deno task bench:saga`: how many orders the whole shop completes in a second, end to end.
 *
 * @module
 */
import { errorText } from "@mesh/base";
import { machineText } from "@mesh/testing/machine";
import { openBenchShop, provideGoods } from "./saga/bench_shop.ts";
import { faultsOfShop } from "./saga/judge_shop.ts";
import { type Bench, measureLoad, type Measurement, untilQuiet } from "./saga/measure_load.ts";
import { type BenchOptions, helpText, readOptions } from "./saga/options.ts";
import { type PlacedOrder, placeOrders } from "./saga/place_orders.ts";
import { type BenchResult, jsonReport, markdownReport } from "./saga/report.ts";
import { OrderEnds, ShopBooks } from "./saga/shop_books.ts";

const log = (line: string) => console.error(line);

/** @returns `undefined` when it was interrupted; everything is stopped and removed then, too. */
async function run(options: BenchOptions, interrupted: Promise<void>): Promise<BenchResult | undefined> {
  await using opened = await openBenchShop(log);
  const { shop, complaints } = opened;
  await using books = new ShopBooks(shop);
  const ends = new OrderEnds(books);
  const stopping = new AbortController();
  const watching = ends.run(stopping.signal);
  try {
    const total = options.warmUp + options.orders * options.inFlight.length;
    const unitsPerSku = Math.min(1_000_000, Math.ceil(total / options.skus) + 100);
    const goods = await provideGoods(shop, { ...options, unitsPerSku });
    const bench: Bench = { shop, books, ends, goods };
    // The watch only ends by failing, which would otherwise look like orders that never end.
    const result = await Promise.race([measure(bench, options), watching, interrupted]);
    return result === undefined ? undefined : { machine: machineText(), ...result };
  } catch (error) {
    for (const complaint of complaints.slice(-20)) log(complaint);
    throw error;
  } finally {
    stopping.abort();
    await watching.catch(() => {});
  }
}

async function measure(bench: Bench, options: BenchOptions): Promise<Omit<BenchResult, "machine">> {
  const { orders, inFlight, warmUp } = options;
  const all: PlacedOrder[] = [];
  if (warmUp > 0) {
    log(`warming up with ${warmUp} orders`);
    all.push(
      ...await placeOrders(bench.goods, bench.ends, { orders: warmUp, inFlight: Math.min(...inFlight, warmUp) }),
    );
    await untilQuiet(bench.books);
  }
  const measurements: Measurement[] = [];
  for (const level of inFlight) {
    log(`placing ${orders} orders, ${level} at once`);
    const measurement = await measureLoad(bench, { orders, inFlight: level });
    measurements.push(measurement);
    all.push(...measurement.placed);
  }
  return { measurements, faults: await faultsOfShop(bench, all) };
}

function untilInterrupted(): Promise<void> {
  return new Promise((resolve) => {
    for (const name of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(name, () => resolve());
  });
}

if (import.meta.main) {
  try {
    const options = readOptions(Deno.args);
    if (options === undefined) {
      console.log(helpText);
      Deno.exit(0);
    }
    const result = await run(options, untilInterrupted());
    if (result === undefined) Deno.exit(130);
    const text = markdownReport(result);
    console.log(options.isJson ? jsonReport(result) : text);
    if (options.writePath !== undefined) await Deno.writeTextFile(options.writePath, `# Benchmarks\n\n${text}`);
    Deno.exit(result.faults.length === 0 ? 0 : 1);
  } catch (error) {
    console.error(errorText(error));
    Deno.exit(1);
  }
}
