import { deepStrictEqual as assertEquals, match as assertMatch, strictEqual as assertSame } from "node:assert/strict";
import { ManualClock } from "@mesh/base";
import { type FakeRequest, runMesh } from "./cli_fixture.ts";

const id = (digit: number) => `0198d6f0-0000-7000-8000-${String(digit).padStart(12, "0")}`;
const lines = (text: string) => text.split("\n").map((line) => line.replace(/\s+/g, " ").trim());
const startMs = Date.UTC(2026, 0, 31, 12);

const judged = (digit: number, why = "", detail = "") => ({
  letterId: id(digit),
  messageId: id(100 + digit),
  type: "orders.place-order",
  class: "exhausted",
  reason: "dependency.unavailable",
  diedAtMs: startMs,
  key: `o-${digit}`,
  correlation: `o-${digit}`,
  why,
  detail,
});

const nothing = { waiting: 0, taken: 0, handled: 0, "dead-again": 0, unknown: 0, refused: 0 };
const redriveOf = (digit: number, some: Record<string, unknown> = {}) => ({
  id: id(digit),
  status: "running",
  statusReason: "",
  reason: "provider is back",
  revision: 1,
  createdAtMs: startMs,
  endedAtMs: null,
  counts: { ...nothing, waiting: 3 },
  terms: {
    selection: { limit: 1000, class: "exhausted" },
    limits: { ratePerSecond: 10 },
    by: { subject: "operator-1" },
  },
  progress: { batch: 0, batchSize: 0 },
  ...some,
});

/** Runs a command line whose waits pass at once. */
async function run(args: string, answers: Parameters<typeof runMesh>[1]) {
  const clock = new ManualClock();
  let isOver = false;
  const running = runMesh(args, answers, { clock }).finally(() => isOver = true);
  for (let turn = 0; turn < 2_000 && !isOver; turn += 1) await clock.advance(1_000);
  return await running;
}

Deno.test("dlq redrive --dry-run says of each letter what would become of it, sums up, and asks for no change", async () => {
  const { code, out, requests } = await run("dlq redrive --class exhausted --since 2026-01-31T00:00:00Z --dry-run", {
    "POST orders/operator/v1/redrives/forecast": {
      items: [judged(1), judged(2, "too-old", "it died more than 14 days ago"), judged(3, "too-old", "it died more")],
      hasMore: true,
    },
    "POST payments/operator/v1/redrives/forecast": { items: [], hasMore: false },
  });

  assertSame(code, 0);
  assertEquals(
    requests.map(({ line, body }) => [line, body]),
    ["orders", "payments"].map((service) => [
      `POST ${service}/operator/v1/redrives/forecast`,
      { selection: { class: "exhausted", sinceMs: Date.UTC(2026, 0, 31) } },
    ]),
  );
  const letter = (digit: number, fate: string) =>
    `orders ${id(digit)} 2026-01-31 12:00:00Z orders.place-order o-${digit} o-${digit} ${fate}`;
  assertEquals(lines(out), [
    "SERVICE ID DIED TYPE KEY CORRELATION WOULD BE",
    letter(1, "taken"),
    letter(2, "refused, too-old: it died more than 14 days ago"),
    letter(3, "refused, too-old: it died more"),
    "",
    "SERVICE TYPE CLASS REASON TAKEN REFUSED",
    "orders orders.place-order exhausted dependency.unavailable 1 2 too-old",
    "",
    "1 of 3 would be taken; nothing was changed",
    "orders has more of them: raise --limit",
  ]);
});

Deno.test("dlq redrive --dry-run looks at letters by their ids, and ends with 3 when nobody has one of them", async () => {
  const answers = {
    "POST orders": { items: [judged(1)], hasMore: false },
    "POST payments": { items: [], hasMore: false },
  };
  const { code, err, requests } = await run(`dlq redrive ${id(1)} ${id(9)} --dry-run`, answers);

  assertEquals([code, requests[0]?.body], [3, { selection: { ids: [id(1), id(9)] } }]);
  assertSame(err, `Cannot find dead letter ${id(9)}`);
});

Deno.test("dlq redrive of what is chosen begins a job at each service that has such letters, with its limits", async () => {
  const options = "--all --rate 2.5 --batch-max 8 --per-flow 2 --stop-above 50 --sample 3 --limit 40 --key TEA-0001";
  const { code, out, requests } = await run(`dlq redrive ${options} --reason 'provider is back'`, {
    "POST orders/operator/v1/redrives": { redrive: redriveOf(1, { counts: { ...nothing, waiting: 2, refused: 1 } }) },
    "POST payments/operator/v1/redrives": { redrive: null },
  });

  assertEquals([code, out], [0, `redrive ${id(1)} begins at orders: 1 refused, 2 waiting`]);
  assertEquals(requests[0]?.body, {
    selection: { key: "TEA-0001", limit: 40 },
    limits: { ratePerSecond: 2.5, batchMax: 8, perCorrelationMax: 2, failureShareMax: 0.5, sampleMin: 3 },
    reason: "provider is back",
  });
  const none = await run("dlq redrive --all --reason 'provider is back'", { "POST": { redrive: null } });
  assertEquals([none.code, none.err], [3, "No dead letter is so"]);
});

/** A service whose redrive moves on with every look. */
function moving(digit: number, looks: readonly Record<string, unknown>[]) {
  let at = 0;
  return () => redriveOf(digit, looks[Math.min(at++, looks.length - 1)]);
}

Deno.test("dlq redrive --watch tells progress on standard error and ends with 0 when all were handled", async () => {
  const { code, out, err } = await run("dlq redrive --service orders --all --reason 'provider is back' --watch", {
    "POST orders/operator/v1/redrives": { redrive: redriveOf(1) },
    [`GET orders/operator/v1/redrives/${id(1)}`]: moving(1, [
      { counts: { ...nothing, taken: 1, waiting: 2 }, progress: { batch: 1, batchSize: 1 } },
      { counts: { ...nothing, taken: 1, waiting: 2 }, progress: { batch: 1, batchSize: 1 } },
      { counts: { ...nothing, handled: 1, taken: 2 }, progress: { batch: 2, batchSize: 2 } },
      { counts: { ...nothing, handled: 3 }, status: "done" },
    ]),
  });

  assertEquals([code, out], [0, `redrive ${id(1)} at orders: done, 3 handled`]);
  assertEquals(err.split("\n"), [
    `redrive ${id(1)} begins at orders: 3 waiting`,
    "orders: running; 3 waiting",
    "orders: batch 1 of 1; 1 under way, 2 waiting",
    "orders: batch 2 of 2; 1 handled, 2 under way",
    "orders: done; 3 handled",
  ]);
});

Deno.test("dlq redrive --watch ends with 1 when a redrive stops by itself, and when a message died again", async () => {
  const ending = async (end: Record<string, unknown>) => {
    const { code, err } = await run("dlq redrive --service orders --all --reason 'provider is back' --watch", {
      "POST orders/operator/v1/redrives": { redrive: redriveOf(1) },
      [`GET orders/operator/v1/redrives/${id(1)}`]: moving(1, [{ counts: { ...nothing, taken: 3 } }, end]),
    });
    return [code, err.split("\n").at(-1)];
  };
  const failed = { ...nothing, handled: 1, "dead-again": 1, unknown: 1 };

  assertEquals(await ending({ status: "stopped", statusReason: "5 of 5 died", counts: nothing }), [
    1,
    `Redrive ${id(1)} at orders is stopped: 5 of 5 died`,
  ]);
  assertEquals(await ending({ status: "done", counts: failed }), [
    1,
    `Redrive ${id(1)} at orders: 2 messages died again or were not heard of`,
  ]);
});

Deno.test("a service that is away for a moment does not end the watching", async () => {
  let looks = 0;
  const { code } = await run(`redrive show ${id(1)} --service orders --watch`, {
    [`GET orders/operator/v1/redrives/${id(1)}`]: () => {
      looks += 1;
      if (looks === 2) return 503;
      return redriveOf(1, looks > 2 ? { status: "done", counts: { ...nothing, handled: 3 } } : {});
    },
    [`GET orders/operator/v1/redrives/${id(1)}/items`]: { items: [] },
  });

  assertEquals([code, looks], [0, 3]);
});

Deno.test("redrive list shows redrives of all services, the newest first, or only the open ones", async () => {
  const answers = {
    "GET orders/operator/v1/redrives": {
      items: [redriveOf(1, { status: "done", counts: { ...nothing, handled: 2 } })],
    },
    "GET payments/operator/v1/redrives": { items: [redriveOf(2, { createdAtMs: startMs + 1_000 })] },
  };
  const { code, out } = await run("redrive list", answers);
  const open = await run("redrive list --open", answers);

  assertEquals([code, ...lines(out)], [
    0,
    "SERVICE ID STARTED STATUS LETTERS REASON",
    `payments ${id(2)} 2026-01-31 12:00:01Z running 3 waiting provider is back`,
    `orders ${id(1)} 2026-01-31 12:00:00Z done 2 handled provider is back`,
  ]);
  assertEquals([lines(open.out).length, (await run("redrive list", { GET: { items: [] } })).out], [2, "No redrives"]);
});

Deno.test("redrive show finds the service that has it, and tells what became of each letter", async () => {
  const item = (ordinal: number, state: string, some: Record<string, unknown> = {}) => ({
    ordinal,
    letterId: id(10 + ordinal),
    type: "orders.place-order",
    class: "exhausted",
    correlation: `o-${ordinal}`,
    state,
    batch: null,
    why: "",
    detail: "",
    laterId: null,
    ...some,
  });
  const { code, out } = await run(`redrive show ${id(1)}`, {
    [`GET payments/operator/v1/redrives/${id(1)}`]: redriveOf(1, { status: "stopped", statusReason: "5 of 5 died" }),
    [`GET payments/operator/v1/redrives/${id(1)}/items`]: {
      items: [
        item(1, "dead-again", { batch: 1, why: "dependency.unavailable", detail: `exhausted, as ${id(30)}` }),
        item(2, "waiting"),
      ],
    },
  });

  assertSame(code, 0);
  assertEquals(lines(out), [
    `redrive: ${id(1)}`,
    "service: payments",
    "status: stopped: 5 of 5 died",
    "started: 2026-01-31 12:00:00Z by operator-1",
    "reason: provider is back",
    "selected: limit=1000, class=exhausted",
    "limits: ratePerSecond=10",
    "letters: 3 waiting",
    "",
    "N LETTER TYPE CORRELATION STATE BATCH WHY",
    `1 ${id(11)} orders.place-order o-1 dead-again 1 dependency.unavailable: exhausted, as ${id(30)}`,
    `2 ${id(12)} orders.place-order o-2 waiting`,
  ]);
  assertSame((await run(`redrive show ${id(9)}`, {})).code, 3);
});

Deno.test("redrive pause, resume and cancel ask the service that has it, with the reason", async () => {
  const requests: FakeRequest[] = [];
  for (const [act, status] of [["pause", "paused"], ["resume", "running"], ["cancel", "cancelled"]] as const) {
    const outcome = await run(`redrive ${act} ${id(1)} --reason 'wait a moment'`, {
      [`GET payments/operator/v1/redrives/${id(1)}`]: redriveOf(1),
      [`POST payments/operator/v1/redrives/${id(1)}/${act}`]: redriveOf(1, { status }),
    });
    assertEquals([outcome.code, outcome.out], [0, `redrive ${id(1)} at payments is ${status}: 3 waiting`]);
    requests.push(...outcome.requests.filter(({ line }) => line.startsWith("POST")));
  }
  assertEquals(requests.map(({ body }) => body), Array(3).fill({ reason: "wait a moment" }));
  const refused = await run(`redrive pause ${id(1)} --reason 'wait a moment'`, {
    [`GET orders/operator/v1/redrives/${id(1)}`]: redriveOf(1),
    [`POST orders/operator/v1/redrives/${id(1)}/pause`]: 409,
  });
  assertSame(refused.code, 1);
  assertMatch(refused.err, /Cannot do that at orders/);
});
