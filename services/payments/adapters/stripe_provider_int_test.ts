import { deepStrictEqual as assertEquals, match, rejects } from "node:assert/strict";
import { startPaymentProvider } from "@jangteo/tests/simulators";
import type { EffectCall } from "@mesh/actor";
import { ManualClock } from "@mesh/base";
import { createStripeProvider, type StripeProvider } from "./stripe_provider.ts";

const unavailable = { code: "dependency.unavailable" };
const defect = { code: "defect" };
const order = { orderId: "o-1", amountMinor: 1200, currency: "EUR" };

const call = (idempotencyKey: string, attempt = 1, signal = new AbortController().signal): EffectCall => ({
  idempotencyKey,
  attempt,
  signal,
});

interface Bench {
  readonly provider: StripeProvider;
  readonly clock: ManualClock;
  authorize(paymentMethod: string, idempotencyKey?: string): Promise<string>;
  switches(switches: Record<string, number>): Promise<void>;
  ledger(): Promise<Record<string, number>>;
  requests(): Promise<Record<string, number>>;
}

async function withBench(use: (bench: Bench) => Promise<void>): Promise<void> {
  const clock = new ManualClock();
  await using simulator = await startPaymentProvider({ clock });
  const provider = createStripeProvider(endpointOf(simulator.port), clock);
  const ledger = async () => await (await fetch(`${simulator.url}/_simulator/ledger`)).json();
  await use({
    provider,
    clock,
    authorize: async (paymentMethod, idempotencyKey = "a1") => {
      const outcome = await provider["authorize-payment"].perform({ ...order, paymentMethod }, call(idempotencyKey));
      return outcome.result === "authorized" ? outcome.providerRef : `declined: ${outcome.reason}`;
    },
    switches: async (switches) => {
      const response = await fetch(`${simulator.url}/_simulator/switches`, {
        method: "PUT",
        body: JSON.stringify(switches),
      });
      await response.body?.cancel();
    },
    ledger: async () => (await ledger()).orders["o-1"] ?? {},
    requests: async () => (await ledger()).requests,
  });
}

function endpointOf(port: number) {
  return { secretKey: "sk_test_1", host: "127.0.0.1", port, protocol: "http" } as const;
}

Deno.test("an authorised payment is captured and refunded", () =>
  withBench(async ({ provider, authorize, ledger }) => {
    const providerRef = await authorize("pm_card_visa");
    const captured = await provider["capture-payment"].perform({ ...order, providerRef }, call("c1"));
    const refunded = await provider["refund-payment"].perform(
      { orderId: "o-1", providerRef, amountMinor: 1200 },
      call("r1"),
    );
    const { authorizations, captures, refunds, capturedMinor, refundedMinor } = await ledger();

    match(providerRef, /^pi_/);
    assertEquals([captured, refunded], [{ result: "captured" }, { result: "refunded" }]);
    assertEquals([authorizations, captures, refunds, capturedMinor, refundedMinor], [1, 1, 1, 1200, 1200]);
  }));

Deno.test("a card that refuses, or that nobody knows, is declined for a reason", () =>
  withBench(async ({ authorize }) => {
    const cards = [
      "pm_card_chargeDeclined",
      "pm_card_chargeDeclinedInsufficientFunds",
      "pm_card_authenticationRequired",
      "pm_card_nobody_knows",
    ];
    const reasons = await Promise.all(cards.map((card) => authorize(card, `a-${card}`)));

    assertEquals(reasons, [
      "declined: generic_decline",
      "declined: insufficient_funds",
      "declined: authentication_required",
      "declined: resource_missing",
    ]);
  }));

Deno.test("two performs with the same key are one charge", () =>
  withBench(async ({ provider, authorize, ledger }) => {
    const [first, second] = [await authorize("pm_card_visa"), await authorize("pm_card_visa")];
    for (const _ of [1, 2]) {
      await provider["capture-payment"].perform({ ...order, providerRef: first }, call("c1"));
      await provider["refund-payment"].perform({ orderId: "o-1", providerRef: first, amountMinor: 500 }, call("r1"));
    }
    const { authorizations, captures, refunds, refundedMinor } = await ledger();

    assertEquals([second, authorizations, captures, refunds, refundedMinor], [first, 1, 1, 1, 500]);
  }));

Deno.test("a capture under another key finds the money already captured", () =>
  withBench(async ({ provider, authorize, ledger }) => {
    const providerRef = await authorize("pm_card_visa");
    await provider["capture-payment"].perform({ ...order, providerRef }, call("c1"));
    const again = await provider["capture-payment"].perform({ ...order, providerRef }, call("c2"));

    assertEquals([again, (await ledger()).captures], [{ result: "captured" }, 1]);
  }));

Deno.test("the same key for another amount is a defect", () =>
  withBench(async ({ provider, authorize }) => {
    await authorize("pm_card_visa");

    await rejects(
      provider["authorize-payment"].perform(
        { ...order, amountMinor: 1300, paymentMethod: "pm_card_visa" },
        call("a1"),
      ),
      { ...defect, reason: "idempotency-mismatch" },
    );
  }));

Deno.test("an authorisation whose answer is lost is unavailable, and find tells that it happened", () =>
  withBench(async ({ provider, authorize, ledger }) => {
    const request = { ...order, paymentMethod: "pm_card_lostAnswer" };
    const before = await provider["authorize-payment"].find?.(request, call("a1"));
    await rejects(authorize("pm_card_lostAnswer"), unavailable);
    const found = await provider["authorize-payment"].find?.(request, call("a1", 2));
    const again = await authorize("pm_card_lostAnswer");

    assertEquals([before, found], [undefined, { result: "authorized", providerRef: again }]);
    assertEquals((await ledger()).authorizations, 1);
  }));

Deno.test("an authorisation that the search does not show yet is repeated with its key and not made twice", () =>
  withBench(async ({ provider, authorize, switches, ledger }) => {
    await switches({ searchLagMs: 60_000, loseAnswerCount: 1 });
    await rejects(authorize("pm_card_visa"), unavailable);
    const found = await provider["authorize-payment"].find?.(
      { ...order, paymentMethod: "pm_card_visa" },
      call("a1", 2),
    );
    const again = await authorize("pm_card_visa");

    assertEquals([found, (await ledger()).authorizations], [undefined, 1]);
    match(again, /^pi_/);
  }));

Deno.test("find tells a decline whose answer was lost", () =>
  withBench(async ({ provider, authorize, switches }) => {
    await switches({ loseAnswerCount: 1 });
    await rejects(authorize("pm_card_chargeDeclined"), unavailable);
    const found = await provider["authorize-payment"].find?.(
      { ...order, paymentMethod: "pm_card_chargeDeclined" },
      call("a1", 2),
    );

    assertEquals(found, { result: "declined", reason: "generic_decline" });
  }));

Deno.test("a capture whose answer is lost is unavailable, and find tells that it happened", () =>
  withBench(async ({ provider, authorize, ledger }) => {
    const providerRef = await authorize("pm_card_captureLostAnswer");
    const request = { ...order, providerRef };
    const before = await provider["capture-payment"].find?.(request, call("c1"));
    await rejects(provider["capture-payment"].perform(request, call("c1")), unavailable);
    const found = await provider["capture-payment"].find?.(request, call("c1", 2));

    assertEquals([before, found, (await ledger()).captures], [undefined, { result: "captured" }, 1]);
  }));

Deno.test("a capture that the card refuses, or of cancelled money, is refused for a reason", () =>
  withBench(async ({ provider, authorize, ledger }) => {
    const declinedRef = await authorize("pm_card_captureDeclined", "a1");
    const declined = await provider["capture-payment"].perform({ ...order, providerRef: declinedRef }, call("c1"));
    const providerRef = await authorize("pm_card_visa", "a2");
    await provider["void-payment"].perform({ orderId: "o-1", providerRef }, call("v1"));
    const canceled = await provider["capture-payment"].perform({ ...order, providerRef }, call("c2"));
    const found = await provider["capture-payment"].find?.({ ...order, providerRef }, call("c2", 2));

    assertEquals([declined, canceled, found], [
      { result: "refused", reason: "generic_decline" },
      { result: "refused", reason: "canceled" },
      { result: "refused", reason: "canceled" },
    ]);
    assertEquals((await ledger()).captures, 0);
  }));

Deno.test("a void lets the money go, once, however often it is asked", () =>
  withBench(async ({ provider, authorize, ledger }) => {
    const providerRef = await authorize("pm_card_visa");
    const request = { orderId: "o-1", providerRef };
    const before = await provider["void-payment"].find?.(request, call("v1"));
    const outcomes = [
      await provider["void-payment"].perform(request, call("v1")),
      await provider["void-payment"].perform(request, call("v2")),
      await provider["void-payment"].find?.(request, call("v1", 2)),
    ];
    const { cancels, heldMinor } = await ledger();

    assertEquals([before, outcomes], [undefined, Array(3).fill({ result: "voided" })]);
    assertEquals([cancels, heldMinor], [1, 0]);
  }));

Deno.test("a void without a reference finds what is held for the order, also what the search does not show yet", () =>
  withBench(async ({ provider, authorize, switches, ledger }) => {
    await switches({ searchLagMs: 60_000 });
    await authorize("pm_card_visa");
    const voided = await provider["void-payment"].perform({ orderId: "o-1" }, call("v1"));
    const { cancels, heldMinor } = await ledger();

    assertEquals([voided, cancels, heldMinor], [{ result: "voided" }, 1, 0]);
  }));

Deno.test("a void of an order for which nothing was ever held is done", () =>
  withBench(async ({ provider, ledger }) => {
    const found = await provider["void-payment"].find?.({ orderId: "o-1" }, call("v1"));
    const voided = await provider["void-payment"].perform({ orderId: "o-1" }, call("v1"));

    assertEquals([found, voided, await ledger()], [undefined, { result: "voided" }, {}]);
  }));

Deno.test("a void whose answer is lost is unavailable, and find tells that it happened", () =>
  withBench(async ({ provider, authorize, ledger }) => {
    const providerRef = await authorize("pm_card_cancelLostAnswer");
    const request = { orderId: "o-1", providerRef };
    await rejects(provider["void-payment"].perform(request, call("v1")), unavailable);
    const found = await provider["void-payment"].find?.(request, call("v1", 2));

    assertEquals([found, (await ledger()).cancels], [{ result: "voided" }, 1]);
  }));

Deno.test("a void of captured money is a defect and leaves it captured", () =>
  withBench(async ({ provider, authorize, ledger }) => {
    const providerRef = await authorize("pm_card_visa");
    await provider["capture-payment"].perform({ ...order, providerRef }, call("c1"));
    for (const request of [{ orderId: "o-1", providerRef }, { orderId: "o-1" }]) {
      await rejects(provider["void-payment"].perform(request, call("v1")), { ...defect, reason: "already-captured" });
    }

    assertEquals([(await ledger()).cancels, (await ledger()).capturedMinor], [0, 1200]);
  }));

Deno.test("a card that never answers is unavailable at the deadline, cannot be told, and can be voided", () =>
  withBench(async ({ provider, clock, ledger }) => {
    const request = { ...order, paymentMethod: "pm_card_slow" };
    const deadline = new AbortController();
    const authorized = provider["authorize-payment"].perform(request, call("a1", 1, deadline.signal));
    while (clock.waitingCount === 0) await ledger();
    deadline.abort();
    await rejects(authorized, unavailable);
    await rejects(async () => await provider["authorize-payment"].find?.(request, call("a1", 2)), {
      ...unavailable,
      reason: "still-processing",
    });
    await rejects(provider["authorize-payment"].perform(request, call("a1", 3)), unavailable);
    const voided = await provider["void-payment"].perform({ orderId: "o-1" }, call("v1"));
    await clock.advance(3_600_000);
    const { authorizations, heldMinor } = await ledger();

    assertEquals([voided, authorizations, heldMinor], [{ result: "voided" }, 0, 0]);
  }));

Deno.test("of two calls at the same time each ends with its own deadline", () =>
  withBench(async ({ provider, clock, switches, ledger }) => {
    await switches({ delayMs: 60_000 });
    const [first, second] = [new AbortController(), new AbortController()];
    const request = { ...order, paymentMethod: "pm_card_visa" };
    const perform = (key: string, { signal }: AbortController) =>
      provider["authorize-payment"].perform(request, call(key, 1, signal));
    const both = [perform("a1", first), perform("a2", second)] as const;
    while (clock.waitingCount < 2) await ledger();
    first.abort();
    await rejects(both[0], unavailable);
    await clock.advance(60_000);

    assertEquals((await both[1]).result, "authorized");
  }));

Deno.test("a late answer is unavailable at the deadline, and find tells what was done", () =>
  withBench(async ({ provider, authorize, switches, clock, ledger }) => {
    const providerRef = await authorize("pm_card_visa");
    await switches({ delayMs: 60_000 });
    const deadline = new AbortController();
    const captured = provider["capture-payment"].perform({ ...order, providerRef }, call("c1", 1, deadline.signal));
    while (clock.waitingCount === 0) await ledger();
    deadline.abort();
    await rejects(captured, unavailable);
    await switches({});
    const found = await provider["capture-payment"].find?.({ ...order, providerRef }, call("c1", 2));

    assertEquals([found, (await ledger()).captures], [{ result: "captured" }, 1]);
  }));

Deno.test("a fault of the provider, too many requests and refused credentials are unavailable", () =>
  withBench(async ({ authorize, switches }) => {
    for (const failStatus of [500, 503, 429, 401, 403, 409]) {
      await switches({ failCount: 1, failStatus });
      await rejects(authorize("pm_card_visa", `a-${failStatus}`), unavailable);
    }
  }));

Deno.test("every way to ask about a payment is unavailable while the provider fails", () =>
  withBench(async ({ provider, authorize, switches }) => {
    const providerRef = await authorize("pm_card_visa");
    await switches({ failRate: 1 });
    const asks = [
      () => provider["authorize-payment"].find?.({ ...order, paymentMethod: "pm_card_visa" }, call("a1")),
      () => provider["capture-payment"].find?.({ ...order, providerRef }, call("c1")),
      () => provider["void-payment"].find?.({ orderId: "o-1" }, call("v1")),
      () => provider["void-payment"].find?.({ orderId: "o-1", providerRef }, call("v1")),
      () => provider["refund-payment"].find?.({ orderId: "o-1", providerRef, amountMinor: 1 }, call("r1")),
    ];
    for (const ask of asks) await rejects(async () => await ask(), unavailable);
  }));

Deno.test("a provider that does not listen is unavailable", async () => {
  const gone = await startPaymentProvider();
  await gone[Symbol.asyncDispose]();
  const provider = createStripeProvider(endpointOf(gone.port), new ManualClock());

  await rejects(
    provider["authorize-payment"].perform({ ...order, paymentMethod: "pm_card_visa" }, call("a1")),
    unavailable,
  );
});

Deno.test("one perform is one request: nothing below the executor retries a fault", () =>
  withBench(async ({ authorize, switches, requests }) => {
    await switches({ failRate: 1 });
    await rejects(authorize("pm_card_visa"), unavailable);

    assertEquals((await requests()).received, 1);
  }));

Deno.test("a capture, void or refund gets past a failure that the provider stored under its key", () =>
  withBench(async ({ provider, authorize, switches, ledger }) => {
    const providerRef = await authorize("pm_card_visa");
    await switches({ stickyFailCount: 1 });
    await rejects(provider["capture-payment"].perform({ ...order, providerRef }, call("c1", 1)), unavailable);
    const captured = await provider["capture-payment"].perform({ ...order, providerRef }, call("c1", 2));
    const refund = { orderId: "o-1", providerRef, amountMinor: 1200 };
    await switches({ stickyFailCount: 1 });
    await rejects(provider["refund-payment"].perform(refund, call("r1", 1)), unavailable);
    const refunded = await provider["refund-payment"].perform(refund, call("r1", 2));
    const otherRef = await authorize("pm_card_visa", "a2");
    await switches({ stickyFailCount: 1 });
    await rejects(
      provider["void-payment"].perform({ orderId: "o-1", providerRef: otherRef }, call("v1", 1)),
      unavailable,
    );
    const voided = await provider["void-payment"].perform({ orderId: "o-1", providerRef: otherRef }, call("v1", 2));
    const { captures, refunds, cancels } = await ledger();

    assertEquals([captured, refunded, voided], [{ result: "captured" }, { result: "refunded" }, { result: "voided" }]);
    assertEquals([captures, refunds, cancels], [1, 1, 1]);
  }));

Deno.test("an authorisation does not get past a stored failure: another key could hold the money twice", () =>
  withBench(async ({ authorize, switches, ledger }) => {
    await switches({ stickyFailCount: 1 });
    await rejects(authorize("pm_card_visa"), unavailable);
    await rejects(authorize("pm_card_visa"), unavailable);

    assertEquals(await ledger(), {});
  }));

Deno.test("a refund whose answer is lost is unavailable, and find tells it from another refund", () =>
  withBench(async ({ provider, authorize, switches, ledger }) => {
    const providerRef = await authorize("pm_card_visa");
    await provider["capture-payment"].perform({ ...order, providerRef }, call("c1"));
    const request = { orderId: "o-1", providerRef, amountMinor: 300 };
    await provider["refund-payment"].perform(request, call("r0"));
    const before = await provider["refund-payment"].find?.(request, call("r1"));
    await switches({ loseAnswerCount: 1 });
    await rejects(provider["refund-payment"].perform(request, call("r1")), unavailable);
    const found = await provider["refund-payment"].find?.(request, call("r1", 2));

    assertEquals([before, found, (await ledger()).refunds], [undefined, { result: "refunded" }, 2]);
  }));

Deno.test("a refund of more than was captured is a defect", () =>
  withBench(async ({ provider, authorize }) => {
    const providerRef = await authorize("pm_card_visa");
    await provider["capture-payment"].perform({ ...order, providerRef }, call("c1"));

    await rejects(
      provider["refund-payment"].perform({ orderId: "o-1", providerRef, amountMinor: 1201 }, call("r1")),
      defect,
    );
  }));

Deno.test("a write that is delivered twice is one charge", () =>
  withBench(async ({ provider, authorize, switches, ledger }) => {
    await switches({ duplicateCount: 2 });
    const providerRef = await authorize("pm_card_visa");
    await provider["capture-payment"].perform({ ...order, providerRef }, call("c1"));
    const { authorizations, captures } = await ledger();

    assertEquals([authorizations, captures], [1, 1]);
  }));
