import { deepStrictEqual as assertEquals, ok as assert } from "node:assert/strict";
import { systemClock } from "@mesh/base";
import { shelvesOf } from "../invariants/mod.ts";
import type { Scenario } from "./world.ts";

/** 1 s: without news by notification the stream would look once a second, and half of the orders would take longer. */
const quickLimitMs = 1_000;

/** Many orders: one after the other, and at once. */
export const rush: readonly Scenario[] = [
  {
    name: "fifty orders one after the other: each is streamed to its end soon after it was asked for",
    run: async (world) => {
      await world.stock({ sku: "RSH-0002", units: 50 });
      const customer = await world.customer();
      const tookMs: number[] = [];
      for (let count = 0; count < 50; count += 1) {
        const startedMs = systemClock.monotonicMs();
        const { events } = await customer.watch(await customer.place({ lines: [{ sku: "RSH-0002", units: 1 }] }));
        tookMs.push(systemClock.monotonicMs() - startedMs);
        assertEquals(events.at(-1)?.data.status, "confirmed");
      }
      tookMs.sort((a, b) => a - b);
      const [quarter, median] = [tookMs[12]!, tookMs[25]!];
      console.log(
        `from request to confirmation: median ${median.toFixed(0)} ms, a quarter under ${quarter.toFixed(0)} ms`,
      );
      // The quickest quarter, because the machine may have other things to do.
      assert(quarter < quickLimitMs, `a quarter of the orders took over ${quarter} ms`);
    },
  },
  {
    name: "of 100 buyers at once for 10 items exactly 10 get one, and 90 are told that there is none left",
    run: async (world) => {
      await world.stock({ sku: "RSH-0001", units: 10 });
      const buyers = await Promise.all(Array.from({ length: 10 }, () => world.customer()));
      await Promise.all(
        Array.from(
          { length: 100 },
          (_, index) => buyers[index % buyers.length]!.place({ lines: [{ sku: "RSH-0001", units: 1 }] }),
        ),
      );
      const orders = (await Promise.all(buyers.map((buyer) => buyer.untilAllEnded()))).flat();
      const ends = Map.groupBy(orders, ({ status, reason = "" }) => `${status} ${reason}`.trim());
      assertEquals(Object.fromEntries([...ends].map(([end, list]) => [end, list.length])), {
        confirmed: 10,
        "rejected out-of-stock": 90,
      });
      const [shelf] = shelvesOf(await world.records.events("inventory")).filter(({ sku }) => sku === "RSH-0001");
      assertEquals([shelf?.countedUnits, shelf?.shippedUnits, shelf?.holds.size], [10, 10, 0]);
    },
  },
];
