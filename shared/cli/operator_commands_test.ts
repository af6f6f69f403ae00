import { deepStrictEqual as assertEquals, match as assertMatch, strictEqual as assertSame } from "node:assert/strict";
import { ManualClock } from "@mesh/base";
import { runMesh } from "./cli_fixture.ts";

const lines = (out: string) => out.split("\n").map((line) => line.replace(/\s+/g, " ").trim());
const services = ["orchestrator", "gateway"];

const startMs = Date.UTC(2026, 0, 1);
const saga = (correlation: string, more: Record<string, unknown> = {}) => ({
  stream: `orchestrator/place-order/${correlation}`,
  version: 3,
  updatedAtMs: startMs,
  view: {
    saga: "place-order",
    correlation,
    version: 1,
    phase: "running",
    isTerminal: false,
    step: "capturePayment",
    needsAttention: false,
    waitingFor: [{ step: "capturePayment", line: 0, direction: "do", id: "c-1" }],
    deadlineMs: startMs + 900_000,
    failure: null,
    ...more,
  },
});

Deno.test("sagas list shows where unfinished sagas stand and what they wait for", async () => {
  const { code, out, asked } = await runMesh("sagas list", {
    "GET orchestrator/operator/v1/instances": {
      items: [
        saga("o-1"),
        saga("o-2", {
          phase: "turning-back",
          step: "reserveStock",
          needsAttention: true,
          waitingFor: [{ step: "reserveStock", line: 1, direction: "undo", id: "c-2" }],
          failure: { step: "authorizePayment", reason: "refused" },
          deadlineMs: null,
        }),
      ],
    },
  }, { services });

  assertEquals([code, ...lines(out)], [
    0,
    "SAGA CORRELATION PHASE STEP WAITS FOR MOVED COMES BACK NOTE",
    "place-order o-1 running capturePayment capturePayment 2026-01-01 00:00:00Z 2026-01-01 00:15:00Z",
    "place-order o-2 turning-back reserveStock undo reserveStock 2026-01-01 00:00:00Z " +
    "NEEDS ATTENTION, authorizePayment refused",
  ]);
  assertEquals(asked, ["GET orchestrator/operator/v1/instances?limit=200&prefix="]);
});

Deno.test("sagas list narrows to those that need attention, and to one kind", async () => {
  const answers = {
    "GET orchestrator/operator/v1/instances": { items: [saga("o-1"), saga("o-2", { needsAttention: true })] },
  };
  const attention = await runMesh("sagas list --attention --json", answers, { services });
  const kind = await runMesh("sagas list --saga return-order", { "GET orchestrator": { items: [] } }, { services });

  assertEquals(JSON.parse(attention.out).items.map(({ view }: ReturnType<typeof saga>) => view.correlation), ["o-2"]);
  assertEquals([kind.out, kind.asked[0]?.split("prefix=")[1]], ["No unfinished sagas", "return-order%2F"]);
});

const status = (more: Record<string, number> = {}) => ({
  outboxCount: 0,
  outboxOldestMs: 0,
  deadLetterCount: 0,
  closedLaneCount: 0,
  parkedCount: 0,
  openEffectCount: 0,
  effectOldestMs: 0,
  timerCount: 0,
  inboxDaysAhead: 14,
  needsAttentionCount: 0,
  ...more,
});

Deno.test("outbox status shows how much waits where", async () => {
  const { code, out } = await runMesh("outbox status", {
    "GET orders/operator/v1/status": status({ outboxCount: 3, outboxOldestMs: 65_000, timerCount: 2 }),
    "GET payments/operator/v1/status": status(),
  });

  assertEquals([code, ...lines(out)], [
    0,
    "SERVICE OUTBOX OLDEST NEEDS ATTENTION DEAD LETTERS PARKED OPEN EFFECTS TIMERS",
    "orders 3 1 min 0 0 0 0 2",
    "payments 0 0 0 0 0 0",
  ]);
});

Deno.test("outbox redrive makes everything due, everywhere or at one service", async () => {
  const answers = {
    "POST orders/operator/v1/outbox/redrive": { due: 7 },
    "POST payments/operator/v1/outbox/redrive": { due: 0 },
  };
  const all = await runMesh("outbox redrive --reason 'broker was lost'", answers);
  const one = await runMesh("outbox redrive --reason 'broker was lost' --service orders --json", answers);

  assertEquals([all.code, ...lines(all.out)], [0, "SERVICE DUE NOW", "orders 7", "payments 0"]);
  assertEquals([one.asked, one.requests[0]?.body, JSON.parse(one.out)], [
    ["POST orders/operator/v1/outbox/redrive"],
    { reason: "broker was lost" },
    { items: [{ service: "orders", due: 7 }] },
  ]);
});

const progress = (more: Record<string, unknown>) => ({
  projection: "products",
  generation: 2,
  status: "running",
  eventCount: 10,
  refusedCount: 0,
  startedAtMs: startMs,
  ...more,
});

Deno.test("projections list shows read models with their last rebuild", async () => {
  const { code, out } = await runMesh("projections list", {
    "GET gateway/operator/v1/projections": {
      items: [
        { projection: "orders" },
        { projection: "products", progress: progress({ status: "done", endedAtMs: startMs + 2_500, refusedCount: 1 }) },
      ],
    },
    "GET orchestrator/operator/v1/projections": { items: [] },
  }, { services });

  assertEquals([code, ...lines(out)], [
    0,
    "SERVICE READ MODEL LAST REBUILD",
    "gateway orders none",
    "gateway products done, 10 events, 1 refused in 2.5 s",
  ]);
});

/** A gateway whose rebuild ends after the third look, as `end` says. */
function rebuilding(end: Record<string, unknown>) {
  let looks = 0;
  return {
    "GET gateway/operator/v1/projections": { items: [{ projection: "products" }] },
    "GET orchestrator/operator/v1/projections": { items: [] },
    "POST gateway/operator/v1/projections/products/rebuild": progress({}),
    "GET gateway/operator/v1/projections/products/rebuild": () => {
      looks += 1;
      return looks < 3 ? progress({}) : progress(end);
    },
  };
}

/** Runs a command while time passes. */
async function runOver(args: string, answers: ReturnType<typeof rebuilding>) {
  const clock = new ManualClock();
  let hasEnded = false;
  const run = runMesh(args, answers, { services, clock }).finally(() => hasEnded = true);
  while (!hasEnded) await clock.advance(500);
  return await run;
}

Deno.test("projections rebuild starts it where the read model is, and waits for its end", async () => {
  const done = rebuilding({ status: "done", endedAtMs: startMs + 1_200, eventCount: 90 });
  const { code, out, requests } = await runOver("projections rebuild products --reason 'rows were dropped'", done);

  assertEquals([code, out], [0, "products: done, 90 events in 1.2 s"]);
  const posted = requests.find(({ line }) => line.startsWith("POST"));
  assertEquals(posted?.body, { reason: "rows were dropped" });
});

Deno.test("projections rebuild need not be waited for, fails when the rebuild does, and knows its read models", async () => {
  const failed = rebuilding({ status: "failed", error: "Cannot read the feed of catalog" });
  const unwaited = await runMesh("projections rebuild products --reason 'a trial' --no-wait", failed, { services });
  assertEquals([unwaited.code, unwaited.out], [0, "products: running, 10 events since 2026-01-01 00:00:00Z"]);

  const { code, err } = await runOver("projections rebuild products --reason 'a trial'", failed);
  assertEquals([code, err], [1, "Cannot read the feed of catalog"]);

  const unknown = await runMesh("projections rebuild carts --reason 'a trial'", failed, { services });
  assertSame(unknown.code, 3);
  assertMatch(unknown.err, /there are products/);
});
