import { DefectError, errorText, UnavailableError } from "@mesh/base";
import Stripe from "stripe";

/** The name of the provider in errors and metrics. */
export const paymentProvider = "payment-provider";

/**
 * Says what an error of the Stripe package means to an effect, where it is no outcome.
 *
 * A request that Stripe calls malformed is our bug. Everything else may be different next time: no answer, a fault of
 * the provider, too many requests, another request with the same key still at work. So may refused credentials: they
 * can be put right while the effect waits, and nothing happened.
 *
 * @param attempted What was attempted, for the message: "authorise order "o-1"".
 * @param error What the package threw.
 * @returns The error to throw.
 */
export function effectError(attempted: string, error: unknown): DefectError | UnavailableError {
  const text = `Cannot ${attempted}: ${errorText(error)}`;
  if (error instanceof Stripe.errors.StripeInvalidRequestError) {
    return new DefectError(text, {
      cause: error,
      reason: error.code ?? "invalid-request",
      dependency: paymentProvider,
    });
  }
  if (error instanceof Stripe.errors.StripeIdempotencyError) {
    return new DefectError(text, { cause: error, reason: "idempotency-mismatch", dependency: paymentProvider });
  }
  return new UnavailableError(text, { cause: error, dependency: paymentProvider });
}

/** Whether the state of the payment intent does not allow what was asked. */
export function isUnexpectedState(error: unknown): boolean {
  return error instanceof Stripe.errors.StripeInvalidRequestError && error.code === "payment_intent_unexpected_state";
}

/**
 * Whether this is a failure that Stripe keeps answering for its key.
 *
 * Stripe stores the answer to a request that began to execute, a 500 too (its API reference, "Idempotent requests").
 */
export function isStoredFailure(error: unknown): boolean {
  return error instanceof Stripe.errors.StripeError && (error.statusCode ?? 0) >= 500 &&
    error.headers?.["idempotent-replayed"] === "true";
}

/** Why a card refused, in the provider's words: the finer word where there is one. */
export function refusalReason(error: Stripe.errors.StripeCardError): string {
  return error.decline_code || error.code || "card_refused";
}
