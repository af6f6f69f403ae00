import { deepStrictEqual as assertEquals, strictEqual as assertSame } from "node:assert/strict";
import type { StoredRedrive } from "@mesh/store";
import type { RedriveOperations } from "./redrive_operations.ts";
import { redriveRoutes } from "./redrive_routes.ts";

const by = { subject: "operator-1", via: "operator" };
const redrive = { id: "r-1", status: "running" } as StoredRedrive;

/** Operations that note what they are asked for; there is one redrive, `r-1`. */
function appOf() {
  const asked: unknown[] = [];
  const note = <T>(answer: T) => (...args: readonly unknown[]) => {
    asked.push(...args);
    return Promise.resolve(answer);
  };
  const operations: RedriveOperations = {
    forecastRedrive: note({ verdicts: [], hasMore: true }),
    startRedrive: (order, by) => note(order.reason === "none" ? undefined : redrive)(order, by),
    listRedrives: note([redrive]),
    findRedrive: (id) => Promise.resolve(id === "r-1" ? redrive : undefined),
    listRedriveItems: note([]),
    steerRedrive: (id, act, how) => note(id === "r-1" ? redrive : undefined)(act, how),
  };
  const app = redriveRoutes({ operations, causeOf: () => by });
  app.onError((error) => Response.json({ title: error.message }, { status: 400 }));
  const ask = async (path: string, body?: unknown) => {
    const response = await app.request(path, {
      ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
    });
    return [response.status, await response.json()];
  };
  return { ask, asked };
}

Deno.test("a redrive is ordered with what was left out as it is by default, and in the operator's name", async () => {
  const { ask, asked } = appOf();

  assertEquals(await ask("/redrives", { selection: { class: "defect" }, reason: "fixed" }), [201, { redrive }]);
  assertEquals(asked, [{
    selection: { class: "defect", limit: 1_000 },
    limits: {
      batchMax: 64,
      ratePerSecond: 10,
      perCorrelationMax: 1,
      failureShareMax: 0.2,
      sampleMin: 5,
      outcomeWithinMs: 1_800_000,
    },
    reason: "fixed",
  }, by]);
  assertEquals(await ask("/redrives", { selection: {}, reason: "none" }), [200, { redrive: null }]);
  assertEquals(await ask("/redrives/forecast", { selection: { limit: 5 } }), [200, { items: [], hasMore: true }]);
});

Deno.test("a redrive is found, listed and steered; one that nobody knows is a 404", async () => {
  const { ask, asked } = appOf();

  assertEquals(await ask("/redrives/r-1"), [200, redrive]);
  assertEquals(await ask("/redrives?limit=3"), [200, { items: [redrive] }]);
  assertEquals(await ask("/redrives/r-1/items?states=waiting,dead-again&after=7"), [200, { items: [] }]);
  assertEquals(await ask("/redrives/r-1/pause", { reason: "wait" }), [200, redrive]);
  assertEquals(asked, [
    { limit: 3 },
    { id: "r-1", after: 7, limit: 200, states: ["waiting", "dead-again"] },
    "pause",
    { reason: "wait", by },
  ]);
  for (const path of ["/redrives/r-2", "/redrives/r-2/items"]) assertSame((await ask(path))[0], 404);
  assertSame((await ask("/redrives/r-2/cancel", { reason: "wait" }))[0], 404);
});

Deno.test("what is no order, no act or no state is refused before anything is done", async () => {
  const { ask, asked } = appOf();
  const refused = async (path: string, body?: unknown) => assertSame((await ask(path, body))[0], 400, path);

  await refused("/redrives", { selection: {} });
  await refused("/redrives", { selection: { clas: "defect" }, reason: "fixed" });
  await refused("/redrives", { selection: { limit: 10_001 }, reason: "fixed" });
  await refused("/redrives", { selection: {}, limits: { ratePerSecond: 0 }, reason: "fixed" });
  await refused("/redrives/r-1/pause", {});
  await refused("/redrives/r-1/items?states=lost");
  assertEquals(asked, []);
});
