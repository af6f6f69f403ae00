import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { shelvesOf } from "../invariants/mod.ts";
import type { Scenario } from "./world.ts";

/** Many want what few can have. */
export const rush: readonly Scenario[] = [
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
