import { deepStrictEqual as assertEquals, notStrictEqual, rejects } from "node:assert/strict";
import { ManualClock } from "@mesh/base";
import { startPaymentProvider } from "./payment_provider.ts";

const card = (paymentMethod: string, orderId = "o-1") => ({
  amount: "1200",
  currency: "eur",
  capture_method: "manual",
  confirm: "true",
  payment_method: paymentMethod,
  "metadata[orderId]": orderId,
});

interface Answer {
  readonly status: number;
  readonly isReplay: boolean;
  // deno-lint-ignore no-explicit-any -- answers of the API are read field by field, as a client would.
  readonly body: any;
}

function clientOf(url: string) {
  const send = async (method: string, path: string, body?: Record<string, string>, key?: string): Promise<Answer> => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: "Bearer sk_test_1", ...(key === undefined ? {} : { "idempotency-key": key }) },
      ...(method === "POST" ? { body: new URLSearchParams(body) } : {}),
    });
    const isReplay = response.headers.get("idempotent-replayed") === "true";
    return { status: response.status, isReplay, body: await response.json() };
  };
  return {
    post: (path: string, body: Record<string, string>, key?: string) => send("POST", path, body, key),
    get: (path: string) => send("GET", path),
    authorize: async (paymentMethod: string, orderId?: string) =>
      (await send("POST", "/v1/payment_intents", card(paymentMethod, orderId), `authorize-${orderId}-${paymentMethod}`))
        .body,
    switches: async (switches: Record<string, number>) => {
      const response = await fetch(`${url}/_simulator/switches`, { method: "PUT", body: JSON.stringify(switches) });
      return { status: response.status, body: await response.json() };
    },
    ledger: async (orderId = "o-1") => {
      const response = await fetch(`${url}/_simulator/ledger?order=${orderId}`);
      return (await response.json()) as {
        orders: Record<string, Record<string, number>>;
        requests: Record<string, number>;
      };
    },
  };
}

const nothingDone = {
  intents: 0,
  authorizations: 0,
  declines: 0,
  captures: 0,
  captureRefusals: 0,
  cancels: 0,
  refunds: 0,
  authorizedMinor: 0,
  capturedMinor: 0,
  refundedMinor: 0,
  heldMinor: 0,
};

Deno.test("the provider authorises, captures once and refunds what is left", async () => {
  await using provider = await startPaymentProvider();
  const client = clientOf(provider.url);
  const { id, status } = await client.authorize("pm_card_visa");

  const captured = await client.post(`/v1/payment_intents/${id}/capture`, {}, "c1");
  const again = await client.post(`/v1/payment_intents/${id}/capture`, {}, "c2");
  const refunded = await client.post("/v1/refunds", { payment_intent: id, amount: "200" }, "r1");
  const tooMuch = await client.post("/v1/refunds", { payment_intent: id, amount: "1001" }, "r2");

  assertEquals(
    [status, captured.body.status, again.body.error.code, refunded.body.status, tooMuch.body.error.code],
    ["requires_capture", "succeeded", "payment_intent_unexpected_state", "succeeded", "amount_too_large"],
  );
  assertEquals((await client.ledger()).orders["o-1"], {
    ...nothingDone,
    intents: 1,
    authorizations: 1,
    captures: 1,
    refunds: 1,
    authorizedMinor: 1200,
    capturedMinor: 1200,
    refundedMinor: 200,
  });
});

Deno.test("the provider holds nothing after a cancel and captures nothing then", async () => {
  await using provider = await startPaymentProvider();
  const client = clientOf(provider.url);
  const { id } = await client.authorize("pm_card_visa");
  const heldMinor = (await client.ledger()).orders["o-1"]?.heldMinor;

  const canceled = await client.post(`/v1/payment_intents/${id}/cancel`, {}, "x1");
  const captured = await client.post(`/v1/payment_intents/${id}/capture`, {}, "c1");
  const after = (await client.ledger()).orders["o-1"];

  assertEquals([heldMinor, canceled.body.status, captured.status], [1200, "canceled", 400]);
  assertEquals([after?.cancels, after?.captures, after?.heldMinor], [1, 0, 0]);
});

Deno.test("the provider refuses cards as Stripe does, and finds the refused intent by its metadata", async () => {
  await using provider = await startPaymentProvider();
  const client = clientOf(provider.url);
  const declined = await client.post("/v1/payment_intents", card("pm_card_chargeDeclinedInsufficientFunds"), "k1");
  const query = encodeURIComponent(`metadata["orderId"]:"o-1"`);
  const found = await client.get(`/v1/payment_intents/search?query=${query}`);

  const { type, code, decline_code } = declined.body.error;
  assertEquals([declined.status, type, code, decline_code], [402, "card_error", "card_declined", "insufficient_funds"]);
  assertEquals(found.body.data.map((intent: { status: string }) => intent.status), ["requires_payment_method"]);
});

Deno.test("the same key with the same parameters gives the stored answer, also of a refusal", async () => {
  await using provider = await startPaymentProvider();
  const client = clientOf(provider.url);
  const first = await client.post("/v1/payment_intents", card("pm_card_visa"), "k1");
  const second = await client.post("/v1/payment_intents", card("pm_card_visa"), "k1");
  const declined = await client.post("/v1/payment_intents", card("pm_card_chargeDeclined"), "k2");
  const declinedAgain = await client.post("/v1/payment_intents", card("pm_card_chargeDeclined"), "k2");

  assertEquals([second, declinedAgain], [{ ...first, isReplay: true }, { ...declined, isReplay: true }]);
  assertEquals((await client.ledger()).orders["o-1"]?.intents, 2);
});

Deno.test("the same key with other parameters is an idempotency error and does nothing", async () => {
  await using provider = await startPaymentProvider();
  const client = clientOf(provider.url);
  await client.post("/v1/payment_intents", card("pm_card_visa"), "k1");
  const other = await client.post("/v1/payment_intents", { ...card("pm_card_visa"), amount: "1300" }, "k1");

  assertEquals([other.status, other.body.error.type], [400, "idempotency_error"]);
  assertEquals((await client.ledger()).orders["o-1"]?.intents, 1);
});

Deno.test("a malformed request stores no answer under its key", async () => {
  await using provider = await startPaymentProvider();
  const client = clientOf(provider.url);
  const malformed = await client.post("/v1/payment_intents", { ...card("pm_card_visa"), amount: "-5" }, "k1");
  const unknownCard = await client.post("/v1/payment_intents", card("pm_card_unknown"), "k1");
  const good = await client.post("/v1/payment_intents", card("pm_card_visa"), "k1");

  assertEquals(
    [malformed.body.error.param, unknownCard.body.error.param, good.status],
    ["amount", "payment_method", 200],
  );
});

Deno.test("a request without a secret key is answered with 401", async () => {
  await using provider = await startPaymentProvider();
  const response = await fetch(`${provider.url}/v1/payment_intents/pi_1`);
  await response.body?.cancel();

  assertEquals(response.status, 401);
});

Deno.test("failCount fails before anything is done, so the same key works later", async () => {
  await using provider = await startPaymentProvider();
  const client = clientOf(provider.url);
  await client.switches({ failCount: 1, failStatus: 503 });
  const failed = await client.post("/v1/payment_intents", card("pm_card_visa"), "k1");
  const later = await client.post("/v1/payment_intents", card("pm_card_visa"), "k1");

  assertEquals([failed.status, later.status, later.isReplay], [503, 200, false]);
});

Deno.test("failRate fails the share of requests that the draw gives", async () => {
  const draws = [0.4, 0.6];
  await using provider = await startPaymentProvider({ random: () => draws.shift() ?? 1 });
  const client = clientOf(provider.url);
  await client.switches({ failRate: 0.5 });
  const failed = await client.get("/v1/payment_intents");
  const passed = await client.get("/v1/payment_intents");

  assertEquals([failed.status, passed.status], [500, 200]);
});

Deno.test("stickyFailCount breaks a request half-way, and its key answers 500 from then on", async () => {
  await using provider = await startPaymentProvider();
  const client = clientOf(provider.url);
  const { id } = await client.authorize("pm_card_visa");
  await client.switches({ stickyFailCount: 1 });
  const broken = await client.post(`/v1/payment_intents/${id}/capture`, {}, "c1");
  const again = await client.post(`/v1/payment_intents/${id}/capture`, {}, "c1");
  const otherKey = await client.post(`/v1/payment_intents/${id}/capture`, {}, "c2");

  assertEquals([broken.status, again.status, again.isReplay, otherKey.body.status], [500, 500, true, "succeeded"]);
});

Deno.test("loseAnswerCount does the work and closes the connection, and the key tells what happened", async () => {
  await using provider = await startPaymentProvider();
  const client = clientOf(provider.url);
  await client.switches({ loseAnswerCount: 1 });
  await rejects(client.post("/v1/payment_intents", card("pm_card_visa"), "k1"), TypeError);
  const later = await client.post("/v1/payment_intents", card("pm_card_visa"), "k1");
  const { orders, requests } = await client.ledger();

  assertEquals([later.status, later.isReplay], [200, true]);
  assertEquals([orders["o-1"]?.authorizations, requests.answersLost], [1, 1]);
});

Deno.test("cards that lose an answer lose it once, at their own step", async () => {
  await using provider = await startPaymentProvider();
  const client = clientOf(provider.url);
  await rejects(client.authorize("pm_card_lostAnswer", "o-1"), TypeError);
  const authorized = await client.authorize("pm_card_lostAnswer", "o-1");
  const { id } = await client.authorize("pm_card_captureLostAnswer", "o-2");
  await rejects(client.post(`/v1/payment_intents/${id}/capture`, {}, "c1"), TypeError);
  const captured = await client.post(`/v1/payment_intents/${id}/capture`, {}, "c1");

  assertEquals([authorized.status, captured.body.status], ["requires_capture", "succeeded"]);
  assertEquals((await client.ledger("o-2")).orders["o-2"]?.captures, 1);
});

Deno.test("duplicateCount delivers a write twice, and the key makes it one", async () => {
  await using provider = await startPaymentProvider();
  const client = clientOf(provider.url);
  await client.switches({ duplicateCount: 2 });
  const withKey = await client.post("/v1/payment_intents", card("pm_card_visa", "with-key"), "k1");
  const withoutKey = await client.post("/v1/payment_intents", card("pm_card_visa", "without-key"));

  assertEquals([withKey.status, withKey.isReplay, withoutKey.status], [200, true, 200]);
  assertEquals((await client.ledger("with-key")).orders["with-key"]?.authorizations, 1);
  assertEquals((await client.ledger("without-key")).orders["without-key"]?.authorizations, 2);
});

Deno.test("delayMs does the work at once and holds the answer back", async () => {
  const clock = new ManualClock();
  await using provider = await startPaymentProvider({ clock });
  const client = clientOf(provider.url);
  await client.switches({ delayMs: 5_000 });
  const answer = client.post("/v1/payment_intents", card("pm_card_visa"), "k1");
  while (clock.waitingCount === 0) await client.ledger();
  const doneBefore = (await client.ledger()).orders["o-1"]?.authorizations;
  await clock.advance(5_000);

  assertEquals([doneBefore, (await answer).status], [1, 200]);
});

Deno.test("a slow card is in progress until its network answers, and its key is in use meanwhile", async () => {
  const clock = new ManualClock();
  await using provider = await startPaymentProvider({ clock });
  const client = clientOf(provider.url);
  await client.switches({ slowCardMs: 60_000 });
  const answer = client.post("/v1/payment_intents", card("pm_card_slow"), "k1");
  while (clock.waitingCount === 0) await client.ledger();
  const meanwhile = await client.post("/v1/payment_intents", card("pm_card_slow"), "k1");
  const listed = await client.get("/v1/payment_intents");
  await clock.advance(60_000);

  assertEquals([meanwhile.status, meanwhile.body.error.code], [409, "idempotency_key_in_use"]);
  assertEquals([listed.body.data[0].status, (await answer).body.status], ["processing", "requires_capture"]);
});

Deno.test("a slow card that was cancelled meanwhile is never authorised", async () => {
  const clock = new ManualClock();
  await using provider = await startPaymentProvider({ clock });
  const client = clientOf(provider.url);
  const answer = client.post("/v1/payment_intents", card("pm_card_slow"), "k1");
  while (clock.waitingCount === 0) await client.ledger();
  const [{ id }] = (await client.get("/v1/payment_intents")).body.data;
  const canceled = await client.post(`/v1/payment_intents/${id}/cancel`, {}, "x1");
  await clock.advance(3_600_000);

  assertEquals([canceled.body.status, (await answer).body.error.code], ["canceled", "payment_intent_unexpected_state"]);
  const after = (await client.ledger()).orders["o-1"];
  assertEquals([after?.authorizations, after?.heldMinor], [0, 0]);
});

Deno.test("searchLagMs hides young intents from a search and not from a list", async () => {
  const clock = new ManualClock();
  await using provider = await startPaymentProvider({ clock });
  const client = clientOf(provider.url);
  await client.switches({ searchLagMs: 60_000 });
  await client.authorize("pm_card_visa");
  const search = async () => {
    const query = encodeURIComponent(`metadata["orderId"]:"o-1"`);
    return (await client.get(`/v1/payment_intents/search?query=${query}`)).body.data.length;
  };
  const young = await search();
  const since = Math.floor(clock.nowMs() / 1000);
  const listed = (await client.get(`/v1/payment_intents?created[gte]=${since}`)).body.data.length;
  await clock.advance(60_000);

  assertEquals([young, listed, await search()], [0, 1, 1]);
});

Deno.test("a list is cut into pages that follow each other", async () => {
  await using provider = await startPaymentProvider();
  const client = clientOf(provider.url);
  for (const orderId of ["o-1", "o-2", "o-3"]) await client.authorize("pm_card_visa", orderId);
  const first = (await client.get("/v1/payment_intents?limit=2")).body;
  const second = (await client.get(`/v1/payment_intents?limit=2&starting_after=${first.data[1].id}`)).body;

  const orders = [...first.data, ...second.data].map((intent: { metadata: { orderId: string } }) =>
    intent.metadata.orderId
  );
  assertEquals([orders, first.has_more, second.has_more], [["o-3", "o-2", "o-1"], true, false]);
});

Deno.test("a restart forgets neither what was done nor what was answered", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const journalPath = `${directory}/payments.jsonl`;
    const before = await (async () => {
      await using provider = await startPaymentProvider({ journalPath });
      const client = clientOf(provider.url);
      const { id } = await client.authorize("pm_card_visa");
      const captured = await client.post(`/v1/payment_intents/${id}/capture`, {}, "c1");
      return { id, captured, orders: (await client.ledger()).orders };
    })();
    await using provider = await startPaymentProvider({ journalPath });
    const client = clientOf(provider.url);
    const again = await client.post(`/v1/payment_intents/${before.id}/capture`, {}, "c1");

    assertEquals(again, { ...before.captured, isReplay: true });
    assertEquals((await client.ledger()).orders, before.orders);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a card network that was cut off by a restart has declined", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const journalPath = `${directory}/payments.jsonl`;
    const clock = new ManualClock();
    {
      await using provider = await startPaymentProvider({ journalPath, clock });
      const client = clientOf(provider.url);
      const cutOff = rejects(client.post("/v1/payment_intents", card("pm_card_slow"), "k1"));
      while (clock.waitingCount === 0) await client.ledger();
      await provider[Symbol.asyncDispose]();
      await cutOff;
    }
    await using provider = await startPaymentProvider({ journalPath, clock });
    const client = clientOf(provider.url);
    const again = await client.post("/v1/payment_intents", card("pm_card_slow"), "k1");

    assertEquals([again.status, again.isReplay, again.body.error.code], [402, true, "processing_error"]);
    assertEquals((await client.ledger()).orders["o-1"], { ...nothingDone, intents: 1, declines: 1 });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("deleting the state forgets everything, keys too", async () => {
  await using provider = await startPaymentProvider();
  const client = clientOf(provider.url);
  const before = await client.post("/v1/payment_intents", card("pm_card_visa"), "k1");
  const deleted = await fetch(`${provider.url}/_simulator/state`, { method: "DELETE" });
  const emptied = await client.ledger();
  const after = await client.post("/v1/payment_intents", card("pm_card_visa"), "k1");

  assertEquals([deleted.status, emptied.orders, after.isReplay], [204, {}, false]);
  notStrictEqual(after.body.id, before.body.id);
});

Deno.test("a switch that does not exist is refused by name", async () => {
  await using provider = await startPaymentProvider();
  const { status, body } = await clientOf(provider.url).switches({ losAnswerCount: 1 });

  assertEquals([status, /losAnswerCount/.test(body.error)], [400, true]);
});

Deno.test("a provider whose port is taken leaves nothing open", async () => {
  const directory = await Deno.makeTempDir();
  try {
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    await rejects(
      startPaymentProvider({ port: taken.addr.port, journalPath: `${directory}/payments.jsonl` }),
      { code: "config.invalid", message: /the port is taken/ },
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
