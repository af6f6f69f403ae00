import type { Clock, IdSource } from "@mesh/base";
import {
  type ApiAnswer,
  cardRefused,
  intentBody,
  invalidRequest,
  notFound,
  refundBody,
  succeeded,
  unexpectedState,
} from "./payment_answers.ts";
import type { BookEntry, Intent, PaymentBooks } from "./payment_books.ts";
import { findCard } from "./payment_cards.ts";
import { type Form, textOf, textsOf, wholeNumberOf } from "./payment_form.ts";

/** What an operation works with. `record` writes into the books at once and remembers the entry for the journal. */
export interface Desk {
  readonly books: PaymentBooks;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly record: (entry: BookEntry) => void;
}

/** How an operation ended, or that the card network has not answered yet. */
export type Outcome = Settled | { readonly pendingIntentId: string };

/** How an operation ended; its answer may be one that the client never gets. */
export interface Settled {
  readonly answer: ApiAnswer;
  readonly isAnswerLost?: boolean;
}

/** An operation of the API: reads the form, changes the books, answers. */
export type Operation = (desk: Desk, form: Form, id: string) => Outcome;

/** `POST /v1/payment_intents`: creates and confirms an intent for manual capture. */
export const createIntent: Operation = (desk, form) => {
  const intent = intentFrom(desk, form);
  if ("answer" in intent) return intent;
  desk.record({ kind: "intent-created", intent });
  if (findCard(intent.paymentMethod)?.authorize === "hangs") return { pendingIntentId: intent.id };
  return authorizeIntent(desk, intent.id);
};

/** Ends the confirmation of an intent that is being processed: by its card, or because it was cancelled meanwhile. */
export function authorizeIntent(desk: Desk, intentId: string): Outcome {
  const card = findCard(readIntent(desk, intentId).paymentMethod);
  if (readIntent(desk, intentId).status !== "processing") {
    return { answer: unexpectedState("confirmed", readIntent(desk, intentId)) };
  }
  if (card === undefined || typeof card.authorize === "string") {
    desk.record({ kind: "authorized", intentId });
    return {
      answer: succeeded(intentBody(readIntent(desk, intentId))),
      isAnswerLost: card?.losesAnswerOf === "authorize",
    };
  }
  desk.record({ kind: "declined", intentId, failure: card.authorize });
  return { answer: cardRefused(card.authorize, readIntent(desk, intentId)) };
}

/** Ends the confirmation of an intent whose answer was lost with the provider's process. */
export function failIntent(desk: Desk, intentId: string): Outcome {
  const failure = { code: "processing_error", message: "An error occurred while processing your card." };
  if (readIntent(desk, intentId).status === "processing") desk.record({ kind: "declined", intentId, failure });
  return { answer: cardRefused(failure, readIntent(desk, intentId)) };
}

/** `POST /v1/payment_intents/:id/capture`. */
export const captureIntent: Operation = (desk, form, id) => {
  const intent = desk.books.findIntent(id);
  if (intent === undefined) return { answer: notFound("payment_intent", id) };
  if (intent.status !== "requires_capture") return { answer: unexpectedState("captured", intent) };
  const amountMinor = textOf(form, "amount_to_capture") === undefined
    ? intent.amountMinor
    : wholeNumberOf(form, "amount_to_capture");
  if (amountMinor === undefined || amountMinor < 1 || amountMinor > intent.amountMinor) {
    return {
      answer: invalidRequest({
        code: "amount_too_large",
        param: "amount_to_capture",
        message: "The amount to capture must be at least 1 and at most the authorised amount.",
      }),
    };
  }
  const card = findCard(intent.paymentMethod);
  if (card !== undefined && card.capture !== "succeeds") {
    desk.record({ kind: "capture-refused", intentId: id });
    return { answer: cardRefused(card.capture, intent) };
  }
  desk.record({ kind: "captured", intentId: id, amountMinor });
  return { answer: succeeded(intentBody(readIntent(desk, id))), isAnswerLost: card?.losesAnswerOf === "capture" };
};

/** `POST /v1/payment_intents/:id/cancel`. */
export const cancelIntent: Operation = (desk, _form, id) => {
  const intent = desk.books.findIntent(id);
  if (intent === undefined) return { answer: notFound("payment_intent", id) };
  if (intent.status === "succeeded" || intent.status === "canceled") {
    return { answer: unexpectedState("canceled", intent) };
  }
  desk.record({ kind: "canceled", intentId: id });
  const isAnswerLost = findCard(intent.paymentMethod)?.losesAnswerOf === "cancel";
  return { answer: succeeded(intentBody(readIntent(desk, id))), isAnswerLost };
};

/** `POST /v1/refunds`. */
export const createRefund: Operation = (desk, form) => {
  const intentId = textOf(form, "payment_intent") ?? "";
  const intent = desk.books.findIntent(intentId);
  if (intent === undefined) return { answer: notFound("payment_intent", intentId) };
  const leftMinor = intent.amountCapturedMinor - intent.amountRefundedMinor;
  if (intent.status !== "succeeded" || leftMinor === 0) {
    const code = intent.status === "succeeded" ? "charge_already_refunded" : "payment_intent_unexpected_state";
    return { answer: invalidRequest({ code, message: `PaymentIntent ${intentId} has nothing left to refund.` }) };
  }
  const amountMinor = textOf(form, "amount") === undefined ? leftMinor : wholeNumberOf(form, "amount");
  if (amountMinor === undefined || amountMinor < 1 || amountMinor > leftMinor) {
    const message = `Refund amount must be at least 1 and at most ${leftMinor}.`;
    return { answer: invalidRequest({ code: "amount_too_large", param: "amount", message }) };
  }
  const refund = {
    id: `re_${shortId(desk)}`,
    intentId,
    amountMinor,
    currency: intent.currency,
    metadata: textsOf(form, "metadata"),
    createdAtMs: desk.clock.nowMs(),
  };
  desk.record({ kind: "refunded", refund });
  return { answer: succeeded(refundBody(refund)) };
};

function intentFrom(desk: Desk, form: Form): Intent | { readonly answer: ApiAnswer } {
  const missing = (param: string, message: string) => ({
    answer: invalidRequest({ code: "parameter_missing", param, message }),
  });
  const amountMinor = wholeNumberOf(form, "amount");
  const currency = textOf(form, "currency");
  const paymentMethod = textOf(form, "payment_method");
  if (amountMinor === undefined || amountMinor < 1) return missing("amount", "Missing or invalid amount.");
  if (currency === undefined || !/^[a-z]{3}$/.test(currency)) return missing("currency", "Invalid currency.");
  if (paymentMethod === undefined) return missing("payment_method", "Missing required param: payment_method.");
  if (textOf(form, "capture_method") !== "manual" || textOf(form, "confirm") !== "true") {
    return missing("confirm", "This simulator only confirms at once and captures manually.");
  }
  if (findCard(paymentMethod) === undefined) {
    const message = `No such PaymentMethod: '${paymentMethod}'`;
    return { answer: invalidRequest({ code: "resource_missing", param: "payment_method", message }) };
  }
  return {
    id: `pi_${shortId(desk)}`,
    amountMinor,
    currency,
    paymentMethod,
    metadata: textsOf(form, "metadata"),
    createdAtMs: desk.clock.nowMs(),
    status: "processing",
    amountCapturedMinor: 0,
    amountRefundedMinor: 0,
  };
}

function readIntent(desk: Desk, id: string): Intent {
  const intent = desk.books.findIntent(id);
  if (intent === undefined) throw new Error(`Cannot read payment intent "${id}": it was never created`);
  return intent;
}

function shortId(desk: Desk): string {
  return desk.ids.next().replaceAll("-", "");
}
