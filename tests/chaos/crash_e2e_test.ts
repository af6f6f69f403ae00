import { deepStrictEqual as assertEquals, ok as assert } from "node:assert/strict";
import { waitFor, withShop } from "../e2e/harness/mod.ts";
import { newCustomer } from "../e2e/storefront/mod.ts";
import { killedBroker, killedPostgres, killedService, wipedBroker } from "./faults.ts";
import { endLimitMs, inFlightMin, Ordeal } from "./ordeal.ts";
import { ordealOptions, ordealPlace } from "./ordeal_options.ts";
import { dropAndRebuild, readRows } from "./read_model.ts";
import { tableOf } from "./report.ts";

Deno.test("a shop in which everything is killed once under orders loses none and charges none twice", async (t) => {
  await withShop(ordealOptions, async (test) => {
    await using ordeal = await Ordeal.begin(test);
    for (const service of test.shop.serviceNames) {
      await t.step(
        `${service} is killed and comes back`,
        async () => void await ordeal.endure(killedService(test, service)),
      );
    }
    await t.step("the database server is killed: orders are refused with 503 until it is back", async () => {
      const customer = await newCustomer(test.shop.url);
      await ordeal.endure(killedPostgres(test), async () => {
        const { status, headers } = await customer.ask({ lines: [{ sku: "TEA-0001", units: 1 }] });
        assertEquals([status, headers.has("retry-after")], [503, true]);
      });
    });
    await t.step("the broker is killed: orders are taken all the same, and end when it is back", async () => {
      const taken: string[] = [];
      await ordeal.endure(killedBroker(test), async () => {
        taken.push(await ordeal.stream.placeOne());
      });
      await waitFor("the end of the order that was taken without a broker", () => {
        return ordeal.stream.passages.get(taken[0]!)?.endedAtMs !== undefined;
      }, endLimitMs);
    });
    await t.step(
      "the broker loses its data: one command loads it anew and sends again what was on its way",
      async () => void await ordeal.endure(wipedBroker(test, ordealPlace)),
    );
    await t.step(
      "in the end every order has ended in time, money and stock are exact, and nothing is dead",
      async () => {
        const { violations, tally, blows } = await ordeal.conclude();
        console.log(tableOf(blows));
        assertEquals(violations, []);
        assertEquals(blows.length, test.shop.serviceNames.length + 3);
        for (const { fault, inFlight, endedAfterMs } of blows) {
          assert(
            inFlight >= inFlightMin && endedAfterMs < endLimitMs,
            `${fault}: ${inFlight} orders, ${endedAfterMs} ms`,
          );
        }
        const { confirmed, rejected } = tally;
        assert(confirmed > 100 && rejected.declined! > 5 && rejected["out-of-stock"]! > 5, "the shop was idle");
      },
    );
    await t.step("read models that are dropped and rebuilt equal the old ones row by row", async () => {
      for (const projection of ["orders", "products"]) {
        const before = await readRows(test, projection);
        assert(before.length > 0);
        await dropAndRebuild(test, projection);
        assertEquals(await readRows(test, projection), before);
      }
    });
  });
});
