import { deepStrictEqual as assertEquals, match as assertMatch } from "node:assert/strict";
import { runMesh } from "./cli_fixture.ts";

const services = ["orchestrator", "orders"];
const startMs = Date.UTC(2026, 0, 1);
const stream = "orchestrator/place-order/o-1";
const path = `orchestrator/operator/v1/timers/${encodeURIComponent(stream)}`;
const lines = (out: string) => out.split("\n").map((line) => line.replace(/\s+/g, " ").trim());

const explanation = (more: Record<string, unknown> = {}) => ({
  phase: "running",
  step: "reserveStock",
  needsAttention: false,
  sinceMs: startMs,
  shiftMs: 0,
  waits: [{
    step: "reserveStock",
    line: 0,
    direction: "do",
    command: "inventory.reserve-stock",
    key: "TEA-0001",
    id: "c-1",
    attempt: 1,
    expiresAtMs: startMs + 600_000,
  }],
  deadline: { atMs: startMs + 600_000, for: "give-up", then: `"reserveStock" counts as unknown` },
  acts: { "shift-timer": null, resume: "it does not need attention" },
  ...more,
});
const timer = (more: Record<string, unknown> = {}) => ({
  stream,
  wakesAtMs: startMs + 600_000,
  firedAtMs: null,
  dueAtMs: startMs + 600_000,
  explanation: explanation(),
  ...more,
});
const actor = (more: Record<string, unknown> = {}) => ({
  stream,
  version: 3,
  timer: { wakesAtMs: startMs + 600_000, firedAtMs: null },
  dueAtMs: startMs + 600_000,
  unanswered: [{
    messageId: "c-1",
    type: "inventory.reserve-stock",
    createdAtMs: startMs,
    sentCount: 2,
    nextAtMs: startMs + 90_000,
  }],
  explanation: explanation(),
  ...more,
});

Deno.test("timers list shows what is due next, with what it is for", async () => {
  const pages = [
    { items: [timer()], next: "1:orchestrator/place-order/o-1" },
    {
      items: [timer({ stream: "orchestrator/place-order/o-2", firedAtMs: startMs, fault: "lacks a version" })],
      next: null,
    },
  ];
  const { code, out, asked } = await runMesh("timer list --stream orchestrator/ --due-before 2026-01-02T00:00:00Z", {
    "GET orchestrator/operator/v1/timers": () => pages.shift(),
    "GET orders/operator/v1/timers": { items: [], next: null },
  }, { services });

  assertEquals([code, ...lines(out)], [
    0,
    "STREAM DUE FOR STEP WAITS FOR NOTE",
    "orchestrator/place-order/o-1 2026-01-01 00:10:00Z give-up reserveStock inventory.reserve-stock",
    "orchestrator/place-order/o-2 2026-01-01 00:10:00Z give-up reserveStock inventory.reserve-stock fired, lacks a version",
  ]);
  assertEquals(asked.filter((line) => line.includes("orchestrator/op")), [
    "GET orchestrator/operator/v1/timers?limit=200&prefix=orchestrator%2F&dueBeforeMs=1767312000000",
    "GET orchestrator/operator/v1/timers?limit=199&prefix=orchestrator%2F&dueBeforeMs=1767312000000" +
    "&after=1%3Aorchestrator%2Fplace-order%2Fo-1",
  ]);
});

Deno.test("timers list prints JSON, and says when there is none", async () => {
  const one = { "GET orders": { items: [timer()], next: null } };
  const json = await runMesh("timers list --service orders --json", one, { services });
  const none = await runMesh("timers list --service orders", { "GET orders": { items: [], next: null } }, { services });
  assertEquals(JSON.parse(json.out).items.map(({ service }: { service: string }) => service), ["orders"]);
  assertEquals([none.code, none.out], [0, "No timers"]);
});

Deno.test("timers explain tells what is waited for, how often it was asked, and what may be done", async () => {
  const { code, out } = await runMesh(`timer explain ${stream}`, { [`GET ${path}`]: actor() }, { services });
  assertEquals([code, ...lines(out)], [
    0,
    "stream: orchestrator/place-order/o-1, version 3",
    "phase: running, reserveStock",
    "since: 2026-01-01 00:00:00Z",
    "due: 2026-01-01 00:10:00Z",
    `then: "reserveStock" counts as unknown`,
    "wakes: 2026-01-01 00:10:00Z",
    "",
    "WAITS FOR LINE COMMAND KEY ATTEMPT SENT NEXT ID",
    "reserveStock 0 inventory.reserve-stock TEA-0001 1 2 2026-01-01 00:01:30Z, expires 2026-01-01 00:10:00Z c-1",
    "",
    "ACT NOW",
    "shift-timer possible",
    "resume no: it does not need attention",
  ]);
});

Deno.test("timers explain knows actors that say nothing of themselves, and those that do not exist", async () => {
  const bare = actor({ explanation: null, timer: null, dueAtMs: null, unanswered: [] });
  const said = await runMesh(`timer explain ${stream}`, { [`GET ${path}`]: bare }, { services });
  const unknown = await runMesh(`timer explain ${stream}`, {}, { services });
  const foreign = await runMesh("timer explain nobody/x", {}, { services });
  const formless = await runMesh("timer explain orchestrator", {}, { services });
  assertEquals(lines(said.out).slice(1), [
    "due: never: only a message can move it",
    "then: the actor decides",
    "wakes: no timer is set",
  ]);
  assertEquals([unknown.code, foreign.code, formless.code], [3, 2, 2]);
});

Deno.test("timers shift and cancel ask the service, with reason and id", async () => {
  const id = "019b76da-a800-7000-8000-000000000001";
  const answers = { "POST orchestrator/operator/v1/acts": { ...actor(), id, isRepeat: false } };
  const shift = await runMesh(`timer shift ${stream} --by -10m --reason 'it is late' --id ${id}`, answers, {
    services,
  });
  const cancel = await runMesh(`timer cancel ${stream} --reason 'known' --json`, answers, { services });
  assertEquals([shift.code, shift.out], [
    0,
    `shifted, act ${id}, ${stream}: running, reserveStock, due 2026-01-01 00:10:00Z`,
  ]);
  assertEquals([shift.requests[0]?.body, cancel.requests[0]?.body], [
    { stream, reason: "it is late", act: { name: "shift-timer", byMs: -600_000 }, id },
    { stream, reason: "known", act: { name: "cancel-timer" } },
  ]);
  assertEquals(JSON.parse(cancel.out).id, id);
});

Deno.test("an act that its saga refuses fails, and one that was done before says so", async () => {
  const acts = "POST orchestrator/operator/v1/acts";
  const refused = await runMesh(`timer cancel ${stream} --reason 'known'`, { [acts]: 409 }, { services });
  const done = { ...actor(), id: "act-1", isRepeat: true };
  const again = await runMesh(`saga compensate place-order/o-1 --reason 'known'`, { [acts]: done }, { services });
  assertEquals([refused.code, refused.out], [1, ""]);
  assertMatch(refused.err, /Title of 409/);
  assertMatch(again.out, /^done before, act act-1/);
});

Deno.test("sagas are resumed, asked again, turned back and settled by their name or their stream", async () => {
  const acts = "POST orchestrator/operator/v1/acts";
  const ask = async (args: string) => {
    const { code, requests } = await runMesh(args, { [acts]: { ...actor(), id: "act-1", isRepeat: false } }, {
      services,
    });
    const { stream, act } = requests[0]?.body as { stream: string; act: unknown };
    return [code, stream, act];
  };
  assertEquals(await ask("sagas resume place-order/o-1 --reason mended"), [0, stream, { name: "resume" }]);
  assertEquals(await ask(`saga retry-step ${stream} --reason mended`), [0, stream, { name: "retry-step" }]);
  assertEquals(await ask("saga compensate place-order/o-1 --reason wrong"), [0, stream, { name: "compensate" }]);
  assertEquals(
    await ask(`saga settle place-order/o-1 --reason seen --outcome succeeded --line 1 --result {"orderId":"o-1"}`),
    [0, stream, { name: "settle", outcome: "succeeded", line: 1, data: { orderId: "o-1" } }],
  );
});

Deno.test("wrong durations, times, ids and results ask nobody", async () => {
  const wrong = async (args: string) => {
    const { code, err, asked } = await runMesh(args, {}, { services });
    assertEquals([code, asked], [2, []], args);
    return err;
  };
  assertMatch(await wrong(`timer shift ${stream} --by 10 --reason why`), /A duration up to 30d/);
  assertMatch(await wrong(`timer shift ${stream} --by 31d --reason why`), /A duration up to 30d/);
  assertMatch(await wrong(`timer shift ${stream} --by 0m --reason why`), /A duration up to 30d/);
  assertMatch(await wrong(`timer shift ${stream} --by 1m`), /required option '--reason <text>'/);
  assertMatch(await wrong("timer list --due-before tomorrow"), /A time with its zone/);
  assertMatch(await wrong(`timer cancel ${stream} --reason why --id 7`), /A UUID is needed/);
  assertMatch(await wrong("saga settle place-order/o-1 --reason why"), /required option '--outcome <word>'/);
  assertMatch(await wrong("saga settle place-order/o-1 --reason why --outcome lost"), /Allowed choices/);
  assertMatch(await wrong("saga settle a/b --reason why --outcome refused --result {"), /JSON is needed/);
  assertMatch(await wrong("saga resume o-1 --reason why"), /its form is <saga>\/<id>/);
});
