/**
 * The long form of the proxy test: thousands of orders while everything goes wrong between services and broker. Prints a
 * report for `docs/reliability.md`.
 *
 * @module
 */
import { errorText, systemClock } from "@mesh/base";
import { ordealOptions } from "../ordeal_options.ts";
import { longPlan as plan, missingOf } from "./fault_plan.ts";
import { helpText, type ProxyRunOptions, readProxyRunOptions } from "./options.ts";
import { withProxiedShop } from "./proxied_shop.ts";
import { endureProxy } from "./proxy_ordeal.ts";
import { reportOf } from "./proxy_report.ts";

/** 10 s between two lines of progress. */
const lineEveryMs = 10_000;

const options = readOptions();
if (options === undefined) {
  console.log(helpText);
  Deno.exit(0);
}
Deno.exit(await run(options) ? 0 : 1);

function readOptions(): ProxyRunOptions | undefined {
  try {
    return readProxyRunOptions(Deno.args);
  } catch (error) {
    console.error(errorText(error));
    Deno.exit(2);
  }
}

async function run({ orders, seed, inFlight, minutes, hasNoFloors }: ProxyRunOptions): Promise<boolean> {
  return await withProxiedShop({ ...ordealOptions, plan, seed }, async (test, proxy) => {
    const startedMs = systemClock.monotonicMs();
    let nextLineMs = 0;
    const outcome = await endureProxy(test, proxy, {
      plan,
      orders,
      target: inFlight,
      limitMs: minutes * 60_000,
      onProgress: (taken, fired) => {
        const elapsedMs = systemClock.monotonicMs() - startedMs;
        if (elapsedMs < nextLineMs) return;
        nextLineMs = elapsedMs + lineEveryMs;
        const count = Object.values(fired).reduce((sum, one) => sum + one, 0);
        const missing = missingOf(fired, plan).length;
        console.log(`${(elapsedMs / 1000).toFixed(0)} s: ${taken} orders, ${count} faults, ${missing} below floor`);
      },
    });
    console.log(`\nseed ${seed}\n${reportOf(outcome)}`);
    const { violations, missing, tally: { placed, confirmed } } = outcome;
    const isFull = placed >= orders && missing.length === 0;
    return violations.length === 0 && (hasNoFloors || isFull) && confirmed >= 0.6 * placed;
  });
}
