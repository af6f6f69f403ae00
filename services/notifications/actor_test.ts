import { deepStrictEqual as assertEquals } from "node:assert/strict";
import fc from "fast-check";
import { behaviourOf, type Outgoing } from "@mesh/actor";
import { given, received, testContext } from "@mesh/testing";
import { OrderConfirmed, OrderRejected } from "@shop/orders";
import { notifications } from "./actor.ts";
import { type noticeKinds, NoticeRefused, NoticeRequested, NoticeSent } from "./contract.ts";
import { SendNotice } from "./effects.ts";

const orderId = "0b9b3f0e-6a5c-7a7e-9a51-0d6f2a0f0001";
const customerId = "0b9b3f0e-6a5c-7a7e-9a51-0d6f2a0f0002";
const ref = { orderId, customerId };
const confirmed = OrderConfirmed(ref);
const rejected = OrderRejected({ ...ref, reason: "declined", failedStep: "authorizePayment" });
const cancelled = OrderRejected({ ...ref, reason: "cancelled", failedStep: "reserveStock" });
const messageId = "<confirmed.0b9b3f0e@shop.example>";
const taken = { result: "sent", messageId } as const;

Deno.test("notifications tells the customer how the order ended, and of a cancellation as such", () => {
  const ends = [[confirmed, "confirmed"], [rejected, "rejected"], [cancelled, "cancelled"]] as const;

  for (const [event, kind] of ends) {
    assertEquals(given(notifications, []).when(event), [due(kind), sending(kind)]);
  }
});

Deno.test("notifications says nothing twice: not while the notice waits, not after it was sent, not for a repeat", () => {
  assertEquals(given(notifications, [due("confirmed")]).when(confirmed), []);
  assertEquals(given(notifications, [due("confirmed"), sent("confirmed")]).when(confirmed), []);
  assertEquals(given(notifications, []).when(OrderConfirmed({ ...ref, isRepeat: true })), []);
  assertEquals(given(notifications, []).when(OrderRejected({ ...cancelled.data, isRepeat: true })), []);
});

Deno.test("notifications records which notice the mail server has taken", () => {
  assertEquals(given(notifications, [due("confirmed")]).whenOutcome(SendNotice, taken), [sent("confirmed")]);
});

Deno.test("notifications gives a notice up when the mail server refuses it for good, and goes on with the next", () => {
  const refused = { result: "refused", reason: "contact_unknown" } as const;
  const givenUp = NoticeRefused({ orderId, kind: "confirmed", reason: "contact_unknown" });

  assertEquals(given(notifications, [due("confirmed"), due("cancelled")]).whenOutcome(SendNotice, refused), [
    givenUp,
    sending("cancelled"),
  ]);
  assertEquals(given(notifications, [due("confirmed"), givenUp]).when(confirmed), []);
});

Deno.test("notifications sends a second notice only when the first is out", () => {
  assertEquals(given(notifications, [due("confirmed")]).when(cancelled), [due("cancelled")]);
  assertEquals(given(notifications, [due("confirmed"), due("cancelled")]).whenOutcome(SendNotice, taken), [
    sent("confirmed"),
    sending("cancelled"),
  ]);
});

Deno.test("notifications ignores an outcome that it has already recorded", () => {
  const history = [due("confirmed"), sent("confirmed")];

  assertEquals(given(notifications, history).whenOutcome(SendNotice, taken), []);
  assertEquals(given(notifications, []).whenOutcome(SendNotice, taken), []);
});

Deno.test("notifications asks for each kind at most once, whatever it hears and whenever the mail server answers", () => {
  const step = fc.constantFrom(confirmed, rejected, cancelled, "outcome" as const);
  fc.assert(fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
    const behaviour = behaviourOf(notifications);
    const context = { ...testContext(), newId: () => orderId };
    let state = behaviour.initialState(orderId);
    const inFlight: string[] = [];
    const asked: string[] = [];
    for (const one of steps) {
      let decision: readonly Outgoing[] = [];
      if (one !== "outcome") decision = behaviour.decide(state, received(one), context);
      else if (inFlight.shift() !== undefined) {
        decision = behaviour.decideOutcome(state, "send-notice", taken, context);
      }
      for (const made of decision) {
        if (made.kind === "event") state = behaviour.evolve(state, made);
        if (made.kind === "effect") inFlight.push((made.request as { kind: string }).kind);
        if (made.kind === "effect") asked.push((made.request as { kind: string }).kind);
      }
      assertEquals(inFlight, state.unsent.slice(0, 1));
    }
    assertEquals(asked.length, new Set(asked).size);
  }));
});

function due(kind: typeof noticeKinds[number]) {
  return NoticeRequested({ ...ref, kind });
}

function sending(kind: typeof noticeKinds[number]) {
  return SendNotice({ orderId, kind, recipientRef: customerId });
}

function sent(kind: typeof noticeKinds[number]) {
  return NoticeSent({ orderId, kind, messageId });
}
