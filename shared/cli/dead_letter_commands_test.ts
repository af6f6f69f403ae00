import { deepStrictEqual as assertEquals, match as assertMatch, strictEqual as assertSame } from "node:assert/strict";
import { runMesh } from "./cli_fixture.ts";

const id = (digit: number) => `0198d6f0-0000-7000-8000-${String(digit).padStart(12, "0")}`;
const envelope = `h.${
  new TextEncoder().encode('{"evt":"orders.place-order","dat":{"note":"차"}}').toBase64({ alphabet: "base64url" })
}.s`;
const letter = (digit: number, more: Record<string, unknown> = {}) => ({
  id: id(digit),
  messageId: `message-${digit}`,
  type: "orders.place-order",
  class: "exhausted",
  reason: "dependency.unavailable",
  detail: "Cannot call the provider",
  attempts: 6,
  queue: "orders.in.p0",
  userId: "gateway",
  correlation: "o-1",
  body: new TextEncoder().encode(envelope).toBase64(),
  bodyBytes: 100,
  digest: "d",
  headers: {},
  diedAtMs: Date.UTC(2026, 0, 1) + digit * 1_000,
  status: "dead",
  ...more,
});
const lists = {
  "GET orders/operator/v1/dead-letters": { items: [letter(1), letter(3)] },
  "GET payments/operator/v1/dead-letters": { items: [letter(2, { type: "payments.capture\u001b[31m" })] },
};

Deno.test("dlq list shows dead letters of all services, the newest first, and nothing that could move the cursor", async () => {
  const { code, out, asked } = await runMesh("dlq list", lists);

  assertSame(code, 0);
  assertEquals(out.split("\n").map((line) => line.replace(/\s+/g, " ")), [
    "SERVICE ID DIED STATUS CLASS REASON TYPE TRIES CORRELATION",
    `orders ${id(3)} 2026-01-01 00:00:03Z dead exhausted dependency.unavailable orders.place-order 6 o-1`,
    `payments ${id(2)} 2026-01-01 00:00:02Z dead exhausted dependency.unavailable payments.capture\\u{1b}[31m 6 o-1`,
    `orders ${id(1)} 2026-01-01 00:00:01Z dead exhausted dependency.unavailable orders.place-order 6 o-1`,
  ]);
  assertEquals([...asked].sort(), [
    "GET orders/operator/v1/dead-letters?limit=200&status=dead",
    "GET payments/operator/v1/dead-letters?limit=200&status=dead",
  ]);
});

Deno.test("dlq list narrows to a service and a state, and says when there is nothing", async () => {
  const none = { "GET orders": { items: [] } };

  const { code, out, asked } = await runMesh("dlq list --service orders --status all", none);
  assertEquals([code, out, asked], [0, "No dead letters", ["GET orders/operator/v1/dead-letters?limit=200"]]);
  const { out: json } = await runMesh("dlq list --service orders --json", none);
  assertEquals(JSON.parse(json), { items: [] });
});

Deno.test("dlq list asks page after page up to its limit", async () => {
  const all = Array.from({ length: 450 }, (_, index) => letter(1_000 - index));
  const { out, asked } = await runMesh("dlq list --service orders --limit 410 --json", {
    "GET orders": ({ line }: { line: string }) => {
      const query = new URLSearchParams(line.split("?")[1]);
      const from = all.findIndex((one) => one.id === query.get("after")) + 1;
      return { items: all.slice(from, from + Number(query.get("limit"))) };
    },
  });

  assertEquals(JSON.parse(out).items.map((one: { id: string }) => one.id), all.slice(0, 410).map((one) => one.id));
  assertSame(asked.length, 3);
});

Deno.test("a service that is away does not hide the dead letters of others, and is no success", async () => {
  const { code, out, err } = await runMesh("dlq list", {
    ...lists,
    "GET payments": undefined,
    "GET payments/operator/v1/dead-letters": undefined,
  });

  assertSame(code, 5);
  assertSame(out.split("\n").length, 3);
  assertMatch(err, /Cannot reach payments at http:\/\/payments/);
});

Deno.test("dlq show finds the service that has it and shows what the message says", async () => {
  const { code, out } = await runMesh(`dlq show ${id(1)}`, {
    [`GET payments/operator/v1/dead-letters/${id(1)}`]: letter(1, { class: "untrusted", reason: "bad-signature" }),
  });

  assertSame(code, 0);
  assertMatch(out, /^service: {6}payments$/m);
  assertMatch(out, /^why: {10}untrusted: bad-signature$/m);
  assertMatch(out, /says \(never proven: do not believe it\):\n\{\n {2}"evt": "orders.place-order",/);
  assertMatch(out, /"note": "차"/);
});

Deno.test("dlq show ends with 3 when nobody has it, with 5 when somebody who may have it is away", async () => {
  assertSame((await runMesh(`dlq show ${id(1)}`, {})).code, 3);
  assertSame((await runMesh(`dlq show ${id(1)}`, { "GET payments": undefined })).code, 5);
});

Deno.test("dlq redrive settles each service's own at once, with the reason", async () => {
  const { code, out, requests } = await runMesh(
    `dlq redrive ${id(1)} ${id(2)} ${id(3)} ${id(1)} --reason 'provider is back'`,
    {
      [`GET orders/operator/v1/dead-letters/${id(1)}`]: letter(1),
      [`GET payments/operator/v1/dead-letters/${id(2)}`]: letter(2),
      [`GET orders/operator/v1/dead-letters/${id(3)}`]: letter(3),
      "POST orders/operator/v1/dead-letters/redrive": { settled: 2 },
      "POST payments/operator/v1/dead-letters/redrive": { settled: 1 },
    },
  );

  const posted = requests.filter(({ line }) => line.startsWith("POST"));
  assertEquals(posted.map(({ line, body, token }) => [line, body, token]), [
    ["POST orders/operator/v1/dead-letters/redrive", { ids: [id(1), id(3)], reason: "provider is back" }, "operator"],
    ["POST payments/operator/v1/dead-letters/redrive", { ids: [id(2)], reason: "provider is back" }, "operator"],
  ]);
  assertEquals([code, out], [0, `redriven at orders: ${id(1)}, ${id(3)}\nredriven at payments: ${id(2)}`]);
});

Deno.test("dlq redrive changes nothing when one of them is unknown", async () => {
  const { code, asked } = await runMesh(`dlq redrive ${id(1)} ${id(9)} --reason 'provider is back'`, {
    [`GET orders/operator/v1/dead-letters/${id(1)}`]: letter(1),
  });

  assertSame(code, 3);
  assertEquals(asked.filter((line) => line.startsWith("POST")), []);
});

Deno.test("dlq discard that a service refuses ends with 1, and says what was done at others before", async () => {
  const { code, out, err } = await runMesh(`dlq discard ${id(1)} ${id(2)} --reason 'not ours' --json`, {
    [`GET orders/operator/v1/dead-letters/${id(1)}`]: letter(1),
    [`GET payments/operator/v1/dead-letters/${id(2)}`]: letter(2),
    "POST orders/operator/v1/dead-letters/discard": { settled: 1 },
    "POST payments/operator/v1/dead-letters/discard": 409,
  });

  assertEquals([code, JSON.parse(out)], [1, { discarded: [{ service: "orders", ids: [id(1)] }] }]);
  assertMatch(JSON.parse(err).error, /Cannot do that at payments/);
});
