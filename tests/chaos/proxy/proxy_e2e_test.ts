import { deepStrictEqual as assertEquals, ok as assert } from "node:assert/strict";
import { ordealOptions } from "../ordeal_options.ts";
import { shortPlan as plan } from "./fault_plan.ts";
import { withProxiedShop } from "./proxied_shop.ts";
import { endureProxy } from "./proxy_ordeal.ts";
import { reportOf } from "./proxy_report.ts";

Deno.test("a shop whose every way to the broker goes wrong loses no order, charges none twice, and kills no message", async () => {
  const options = { ...ordealOptions, hasOwnServers: false, plan, seed: 20_261_130 };
  await withProxiedShop(options, async (test, proxy) => {
    const outcome = await endureProxy(test, proxy, { plan, orders: 100, target: 20, limitMs: 100_000 });

    console.log(reportOf(outcome));
    const { violations, missing, tally: { placed, confirmed } } = outcome;
    assertEquals(violations, []);
    assertEquals(missing, []);
    assert(confirmed >= 0.6 * placed, `only ${confirmed} of ${placed} orders were confirmed`);
  });
});
