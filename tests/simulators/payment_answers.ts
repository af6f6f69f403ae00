import type { CardFailure } from "./payment_cards.ts";
import type { Intent, Refund } from "./payment_books.ts";

/** A status and a body, both as Stripe would give them. */
export interface ApiAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** @returns The intent in the shape of Stripe's API object. */
export function intentBody(intent: Intent): Readonly<Record<string, unknown>> {
  const isHeld = intent.status === "requires_capture";
  return {
    id: intent.id,
    object: "payment_intent",
    amount: intent.amountMinor,
    amount_capturable: isHeld ? intent.amountMinor : 0,
    amount_received: intent.amountCapturedMinor,
    capture_method: "manual",
    created: Math.floor(intent.createdAtMs / 1000),
    currency: intent.currency,
    last_payment_error: intent.lastFailure === undefined ? null : cardErrorBody(intent.lastFailure),
    latest_charge: isHeld || intent.status === "succeeded" ? intent.id.replace("pi_", "ch_") : null,
    livemode: false,
    metadata: intent.metadata,
    payment_method: intent.status === "requires_payment_method" ? null : intent.paymentMethod,
    payment_method_types: ["card"],
    status: intent.status,
  };
}

/** @returns The refund in the shape of Stripe's API object. */
export function refundBody(refund: Refund): Readonly<Record<string, unknown>> {
  return {
    id: refund.id,
    object: "refund",
    amount: refund.amountMinor,
    created: Math.floor(refund.createdAtMs / 1000),
    currency: refund.currency,
    metadata: refund.metadata,
    payment_intent: refund.intentId,
    status: "succeeded",
  };
}

/** @returns A `200` with one API object. */
export function succeeded(body: Readonly<Record<string, unknown>>): ApiAnswer {
  return { status: 200, body };
}

/** @returns The `402` of a card that refused; carries the intent as Stripe's does. */
export function cardRefused(failure: CardFailure, intent: Intent): ApiAnswer {
  return { status: 402, body: { error: { ...cardErrorBody(failure), payment_intent: intentBody(intent) } } };
}

/** @returns The `400` for an operation that the state of the intent does not allow. */
export function unexpectedState(operation: string, intent: Intent): ApiAnswer {
  return invalidRequest({
    code: "payment_intent_unexpected_state",
    message: `This PaymentIntent could not be ${operation} because it has a status of ${intent.status}.`,
    payment_intent: intentBody(intent),
  });
}

/** @returns The `404` for something that does not exist. */
export function notFound(what: string, id: string): ApiAnswer {
  return { ...invalidRequest({ code: "resource_missing", message: `No such ${what}: '${id}'` }), status: 404 };
}

/** @returns A `400` of type `invalid_request_error`. */
export function invalidRequest(error: Readonly<Record<string, unknown>>): ApiAnswer {
  return { status: 400, body: { error: { type: "invalid_request_error", ...error } } };
}

/** @returns An error of the API itself, not of the request. */
export function apiError(status: number): ApiAnswer {
  const error = status === 429
    ? { type: "invalid_request_error", code: "rate_limit", message: "Too many requests." }
    : { type: "api_error", message: "Something went wrong on the provider's end." };
  return { status, body: { error } };
}

function cardErrorBody(failure: CardFailure): Readonly<Record<string, unknown>> {
  const { code, declineCode, message } = failure;
  return { type: "card_error", code, message, ...(declineCode === undefined ? {} : { decline_code: declineCode }) };
}
