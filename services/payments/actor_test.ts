import { deepStrictEqual as assertEquals, throws as assertThrows } from "node:assert/strict";
import { answering, unanswering } from "@mesh/contract";
import { given } from "@mesh/testing";
import { payments } from "./actor.ts";
import {
  AuthorizationRequested,
  AuthorizePayment,
  CapturePayment,
  CaptureRefused,
  CaptureRequested,
  PaymentAuthorized,
  PaymentCaptured,
  PaymentDeclined,
  PaymentRefunded,
  PaymentVoided,
  RefundPayment,
  RefundRefused,
  RefundRequested,
  VoidPayment,
  VoidRefused,
  VoidRequested,
} from "./contract.ts";
import { Authorize, Capture, Refund, Void } from "./effects.ts";
import { authorizationPostings, capturePostings, refundPostings, voidPostings } from "./ledger.ts";

const orderId = "0b9b3f0e-6a5c-7a7e-9a51-0d6f2a0f0001";
const customerId = "0b9b3f0e-6a5c-7a7e-9a51-0d6f2a0f0002";
const commandId = "0b9b3f0e-6a5c-7a7e-9a51-0d6f2a0f0011";
const secondId = "0b9b3f0e-6a5c-7a7e-9a51-0d6f2a0f0012";
const messageId = commandId;
const money = { amountMinor: 2100, currency: "EUR" };
const providerRef = "pi_1";
const ask = AuthorizePayment({ orderId, customerId, ...money, paymentMethod: "pm_card_visa" });

const asked = AuthorizationRequested({ orderId, customerId, ...money, commandId });
const authorized = PaymentAuthorized({ orderId, ...money, providerRef, postings: authorizationPostings(2100) });
const declined = PaymentDeclined({ orderId, reason: "card_declined" });
const capturing = CaptureRequested({ orderId, commandId });
const captured = PaymentCaptured({ orderId, ...money, postings: capturePostings(2100) });
const voiding = VoidRequested({ orderId, commandId });
const voided = PaymentVoided({ orderId, postings: voidPostings(2100) });
const refunding = RefundRequested({ orderId, commandId });
const refunded = PaymentRefunded({ orderId, ...money, postings: refundPostings(2100) });
const untouched = PaymentVoided({ orderId, postings: [], isRepeat: true });

Deno.test("payments asks the provider before it answers an authorisation", () => {
  assertEquals(given(payments, []).when(ask, { messageId }), [
    unanswering(asked),
    Authorize({ orderId, ...money, paymentMethod: "pm_card_visa" }),
  ]);
});

Deno.test("payments answers with what the provider said of the authorisation", () => {
  const payment = given(payments, [asked]);

  assertEquals(payment.whenOutcome(Authorize, { result: "authorized", providerRef }), [
    answering([commandId], authorized),
  ]);
  assertEquals(payment.whenOutcome(Authorize, { result: "declined", reason: "card_declined" }), [
    answering([commandId], declined),
  ]);
});

Deno.test("payments asks the provider once for two authorisations under different ids and answers both", () => {
  const alsoAsked = AuthorizationRequested({ orderId, customerId, ...money, commandId: secondId });

  assertEquals(given(payments, [asked]).when(ask, { messageId: secondId }), [unanswering(alsoAsked)]);
  assertEquals(given(payments, [asked, alsoAsked]).whenOutcome(Authorize, { result: "authorized", providerRef }), [
    answering([commandId, secondId], authorized),
  ]);
});

Deno.test("payments answers a repeated authorisation with what is known, and moves no money", () => {
  const repeats = [
    [[asked, authorized], PaymentAuthorized({ ...authorized.data, postings: [], isRepeat: true })],
    [[asked, authorized, capturing, captured], PaymentAuthorized({ ...authorized.data, postings: [], isRepeat: true })],
    [[asked, declined], PaymentDeclined({ ...declined.data, isRepeat: true })],
    [[asked, authorized, voiding], PaymentDeclined({ orderId, reason: "voided", isRepeat: true })],
    [[asked, authorized, voiding, voided], PaymentDeclined({ orderId, reason: "voided", isRepeat: true })],
  ] as const;

  for (const [history, answer] of repeats) {
    assertEquals(given(payments, history).when(ask), [answer]);
    assertEquals(given(payments, [...history, answer]).state, given(payments, history).state);
  }
});

Deno.test("payments declines a second authorisation of another amount or currency", () => {
  const refused = [PaymentDeclined({ orderId, reason: "amount-differs", isRepeat: true })];

  for (const other of [{ amountMinor: 2101 }, { currency: "USD" }]) {
    assertEquals(given(payments, [asked]).when(AuthorizePayment({ ...ask.data, ...other })), refused);
    assertEquals(given(payments, [asked, authorized]).when(AuthorizePayment({ ...ask.data, ...other })), refused);
  }
});

Deno.test("payments captures the whole authorised amount and books it", () => {
  assertEquals(given(payments, [asked, authorized]).when(CapturePayment({ orderId }), { messageId }), [
    unanswering(capturing),
    Capture({ orderId, providerRef, ...money }),
  ]);
  assertEquals(given(payments, [asked, authorized, capturing]).whenOutcome(Capture, { result: "captured" }), [
    answering([commandId], captured),
  ]);
});

Deno.test("payments captures once, however often it is asked", () => {
  const again = CaptureRequested({ orderId, commandId: secondId });
  const history = [asked, authorized, capturing];

  assertEquals(given(payments, history).when(CapturePayment({ orderId }), { messageId: secondId }), [
    unanswering(again),
  ]);
  assertEquals(given(payments, [...history, again]).whenOutcome(Capture, { result: "captured" }), [
    answering([commandId, secondId], captured),
  ]);
  assertEquals(given(payments, [...history, captured]).when(CapturePayment({ orderId })), [
    PaymentCaptured({ orderId, ...money, postings: [], isRepeat: true }),
  ]);
});

Deno.test("payments keeps the authorisation when the provider refuses to capture, so that it can be voided", () => {
  const refused = CaptureRefused({ orderId, reason: "expired_card" });
  const history = [asked, authorized, capturing];

  assertEquals(given(payments, history).whenOutcome(Capture, { result: "refused", reason: "expired_card" }), [
    answering([commandId], refused),
  ]);
  assertEquals(given(payments, [...history, refused]).when(VoidPayment({ orderId }), { messageId }), [
    unanswering(voiding),
    Void({ orderId, providerRef }),
  ]);
});

Deno.test("payments refuses to capture what is not authorised, or is being given back", () => {
  const reasons = [
    [[], "not-authorized"],
    [[asked], "not-authorized"],
    [[asked, declined], "declined"],
    [[asked, authorized, voiding], "voided"],
    [[asked, authorized, voiding, voided], "voided"],
    [[asked, authorized, capturing, captured, refunding], "refunded"],
    [[asked, authorized, capturing, captured, refunding, refunded], "refunded"],
  ] as const;

  for (const [history, reason] of reasons) {
    const refused = CaptureRefused({ orderId, reason });
    assertEquals(given(payments, history).when(CapturePayment({ orderId })), [refused]);
    assertEquals(given(payments, [...history, refused]).state, given(payments, history).state);
  }
});

Deno.test("payments gives an authorisation back and books that it is gone", () => {
  assertEquals(given(payments, [asked, authorized]).when(VoidPayment({ orderId }), { messageId }), [
    unanswering(voiding),
    Void({ orderId, providerRef }),
  ]);
  assertEquals(given(payments, [asked, authorized, voiding]).whenOutcome(Void, { result: "voided" }), [
    answering([commandId], voided),
  ]);
});

Deno.test("payments answers a void at once when nothing is authorised, and keeps no trace of an unknown order", () => {
  for (const history of [[], [asked, declined], [asked, authorized, voiding, voided]]) {
    assertEquals(given(payments, history).when(VoidPayment({ orderId })), [untouched]);
    assertEquals(given(payments, [...history, untouched]).state, given(payments, history).state);
  }
});

Deno.test("payments voids what it does not know yet, and answers both when the authorisation's outcome comes first", () => {
  const void2 = VoidRequested({ orderId, commandId: secondId });
  const history = [asked, void2];
  const authorizedFirst = given(payments, [...history, authorized]);
  const declinedFirst = given(payments, [...history, declined]);

  assertEquals(given(payments, [asked]).when(VoidPayment({ orderId }), { messageId: secondId }), [
    unanswering(void2),
    Void({ orderId }),
  ]);
  assertEquals(given(payments, history).whenOutcome(Authorize, { result: "authorized", providerRef }), [
    answering([commandId], authorized),
  ]);
  assertEquals(authorizedFirst.whenOutcome(Void, { result: "voided" }), [answering([secondId], voided)]);
  assertEquals(declinedFirst.whenOutcome(Void, { result: "voided" }), [answering([secondId], untouched)]);
});

Deno.test("payments books nothing when the void's outcome overtakes that of the authorisation, and answers both", () => {
  const overtaken = PaymentVoided({ orderId, postings: [] });
  const history = [asked, VoidRequested({ orderId, commandId: secondId })];
  const late = PaymentDeclined({ orderId, reason: "voided" });

  assertEquals(given(payments, history).whenOutcome(Void, { result: "voided" }), [answering([secondId], overtaken)]);
  assertEquals(
    given(payments, [...history, overtaken]).whenOutcome(Authorize, { result: "authorized", providerRef }),
    [answering([commandId], late)],
  );
  const after = given(payments, [...history, overtaken, late]);
  assertEquals(after.when(CapturePayment({ orderId })), [CaptureRefused({ orderId, reason: "voided" })]);
});

Deno.test("payments lets a second void wait for the first, also when the authorisation was declined meanwhile", () => {
  const again = VoidRequested({ orderId, commandId: secondId });

  for (const history of [[asked, voiding], [asked, authorized, voiding], [asked, voiding, declined]]) {
    assertEquals(given(payments, history).when(VoidPayment({ orderId }), { messageId: secondId }), [
      unanswering(again),
    ]);
  }
  assertEquals(given(payments, [asked, voiding, declined, again]).whenOutcome(Void, { result: "voided" }), [
    answering([commandId, secondId], untouched),
  ]);
});

Deno.test("payments refuses to void what is captured or being captured", () => {
  const reasons = [
    [[asked, authorized, capturing], "capturing"],
    [[asked, authorized, capturing, captured], "captured"],
    [[asked, authorized, capturing, captured, refunding], "captured"],
    [[asked, authorized, capturing, captured, refunding, refunded], "refunded"],
  ] as const;

  for (const [history, reason] of reasons) {
    const refused = VoidRefused({ orderId, reason });
    assertEquals(given(payments, history).when(VoidPayment({ orderId })), [refused]);
    assertEquals(given(payments, [...history, refused]).state, given(payments, history).state);
  }
});

Deno.test("payments refunds the whole captured amount, once", () => {
  const history = [asked, authorized, capturing, captured];
  const again = RefundRequested({ orderId, commandId: secondId });

  assertEquals(given(payments, history).when(RefundPayment({ orderId }), { messageId }), [
    unanswering(refunding),
    Refund({ orderId, providerRef, amountMinor: 2100 }),
  ]);
  assertEquals(given(payments, [...history, refunding]).when(RefundPayment({ orderId }), { messageId: secondId }), [
    unanswering(again),
  ]);
  assertEquals(given(payments, [...history, refunding, again]).whenOutcome(Refund, { result: "refunded" }), [
    answering([commandId, secondId], refunded),
  ]);
  assertEquals(given(payments, [...history, refunding, refunded]).when(RefundPayment({ orderId })), [
    PaymentRefunded({ orderId, ...money, postings: [], isRepeat: true }),
  ]);
});

Deno.test("payments refuses to refund what is not captured", () => {
  const refused = RefundRefused({ orderId, reason: "not-captured" });

  for (const history of [[], [asked], [asked, authorized], [asked, authorized, capturing], [asked, declined]]) {
    assertEquals(given(payments, history).when(RefundPayment({ orderId })), [refused]);
    assertEquals(given(payments, [...history, refused]).state, given(payments, history).state);
  }
});

Deno.test("payments ignores outcomes that it has already recorded", () => {
  const history = [asked, authorized, capturing, captured, refunding, refunded];
  const payment = given(payments, history);

  assertEquals(payment.whenOutcome(Authorize, { result: "declined", reason: "late" }), []);
  assertEquals(payment.whenOutcome(Capture, { result: "captured" }), []);
  assertEquals(payment.whenOutcome(Void, { result: "voided" }), []);
  assertEquals(payment.whenOutcome(Refund, { result: "refunded" }), []);
  assertEquals(given(payments, []).whenOutcome(Void, { result: "voided" }), []);
});

Deno.test("payments lets eight commands wait for one outcome and calls a ninth a defect", () => {
  const eight = Array.from({ length: 8 }, () => asked);

  assertThrows(() => given(payments, eight).when(ask, { messageId: secondId }), { code: "defect" });
});
