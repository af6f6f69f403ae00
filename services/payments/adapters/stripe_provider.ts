import type { EffectAdapter, EffectCall } from "@mesh/actor";
import { type Clock, DefectError, UnavailableError } from "@mesh/base";
import Stripe from "stripe";
import { type StripeClient, stripeClient, type StripeEndpoint } from "./stripe_client.ts";
import { effectError, isStoredFailure, isUnexpectedState, paymentProvider, refusalReason } from "./stripe_errors.ts";
import { findIntentsOfOrder, searchIntents } from "./stripe_intents.ts";

/** Asks for money to be held on a card. */
export interface AuthorizePaymentRequest {
  readonly orderId: string;
  /** Minor units, at least 1. */
  readonly amountMinor: number;
  /** ISO 4217, either case. */
  readonly currency: string;
  /** A payment method of the provider, `pm_...`. */
  readonly paymentMethod: string;
}

/** The money is held, or the card refused. */
export type AuthorizePaymentOutcome =
  | { readonly result: "authorized"; readonly providerRef: string }
  | { readonly result: "declined"; readonly reason: string };

/** Asks for held money to be taken. */
export interface CapturePaymentRequest {
  readonly orderId: string;
  readonly providerRef: string;
  readonly amountMinor: number;
  readonly currency: string;
}

/** The money is taken, or it cannot be taken any more. */
export type CapturePaymentOutcome =
  | { readonly result: "captured" }
  | { readonly result: "refused"; readonly reason: string };

/** Asks for held money to be let go. Without `providerRef` the provider is asked what it holds for the order. */
export interface VoidPaymentRequest {
  readonly orderId: string;
  readonly providerRef?: string | undefined;
}

/** Nothing is held for the order. */
export interface VoidPaymentOutcome {
  readonly result: "voided";
}

/** Asks for taken money to be given back. */
export interface RefundPaymentRequest {
  readonly orderId: string;
  readonly providerRef: string;
  readonly amountMinor: number;
}

/** The money is on its way back. */
export interface RefundPaymentOutcome {
  readonly result: "refunded";
}

/** The provider's effects, by name. */
export interface StripeProvider {
  readonly "authorize-payment": EffectAdapter<AuthorizePaymentRequest, AuthorizePaymentOutcome>;
  readonly "capture-payment": EffectAdapter<CapturePaymentRequest, CapturePaymentOutcome>;
  readonly "void-payment": EffectAdapter<VoidPaymentRequest, VoidPaymentOutcome>;
  readonly "refund-payment": EffectAdapter<RefundPaymentRequest, RefundPaymentOutcome>;
}

/**
 * Makes the adapters that call Stripe.
 *
 * Every request carries the effect's idempotency key and marks what it makes with the order and that key. Needs net
 * access to the endpoint and no other right.
 *
 * @param endpoint Where Stripe, or its simulator, is.
 * @param clock Says which payment intents are too new for Stripe's search.
 */
export function createStripeProvider(endpoint: StripeEndpoint, clock: Clock): StripeProvider {
  const { client, until } = stripeClient(endpoint);
  return {
    "authorize-payment": bounded(until, authorizing(client)),
    "capture-payment": bounded(until, capturing(client)),
    "void-payment": bounded(until, voiding(client, clock)),
    "refund-payment": bounded(until, refunding(client)),
  };
}

/** Ends all that an adapter asks of the provider with the effect's own deadline. */
function bounded<Request, Outcome>(
  until: StripeClient["until"],
  { perform, find }: Required<EffectAdapter<Request, Outcome>>,
): EffectAdapter<Request, Outcome> {
  return {
    perform: (request, call) => until(call.signal, () => perform(request, call)),
    find: (request, call) => until(call.signal, () => find(request, call)),
  };
}

/**
 * A stored 500 is not asked for again under another key here: that could hold the money twice. The step stays unknown,
 * and its undo finds the intent, if there is one, by its order.
 */
function authorizing(client: Stripe): Required<StripeProvider["authorize-payment"]> {
  const attempted = ({ orderId }: AuthorizePaymentRequest) => `authorise payment of order "${orderId}"`;
  return {
    perform: async (request, { idempotencyKey }) => {
      const { orderId, amountMinor, currency, paymentMethod } = request;
      try {
        const intent = await client.paymentIntents.create({
          amount: amountMinor,
          currency: currency.toLowerCase(),
          payment_method: paymentMethod,
          allowed_payment_method_types: ["card"],
          capture_method: "manual",
          confirm: true,
          // Nobody is there to pass a challenge of the card's bank, so a card that wants one has refused.
          error_on_requires_action: true,
          metadata: { orderId, effectKey: idempotencyKey },
        }, { idempotencyKey });
        return authorizationOf(intent, attempted(request));
      } catch (error) {
        if (error instanceof UnavailableError) throw error;
        if (error instanceof Stripe.errors.StripeCardError) return { result: "declined", reason: refusalReason(error) };
        if (error instanceof Stripe.errors.StripeInvalidRequestError && error.param === "payment_method") {
          return { result: "declined", reason: error.code ?? "payment_method_invalid" };
        }
        throw effectError(attempted(request), error);
      }
    },
    // The index may not show an intent yet. Then the effect is performed again with the same key, which the provider
    // knows for at least a day, and it answers what it answered.
    find: async (request, { idempotencyKey }) => {
      const intents = await asking(
        attempted(request),
        () => searchIntents(client, "effectKey", idempotencyKey),
      );
      const [intent] = intents;
      return intent && authorizationOf(intent, attempted(request));
    },
  };
}

function authorizationOf(intent: Stripe.PaymentIntent, attempted: string): AuthorizePaymentOutcome {
  switch (intent.status) {
    case "requires_capture":
    case "succeeded":
      return { result: "authorized", providerRef: intent.id };
    case "requires_payment_method":
    case "requires_action":
    case "canceled": {
      const failure = intent.last_payment_error;
      return { result: "declined", reason: failure?.decline_code ?? failure?.code ?? intent.status };
    }
    default:
      throw new UnavailableError(`Cannot ${attempted}: payment intent "${intent.id}" is ${intent.status}`, {
        dependency: paymentProvider,
        reason: "still-processing",
      });
  }
}

function capturing(client: Stripe): Required<StripeProvider["capture-payment"]> {
  const attempted = ({ orderId }: CapturePaymentRequest) => `capture payment of order "${orderId}"`;
  const read = async (request: CapturePaymentRequest) =>
    captureOf(await asking(attempted(request), () => client.paymentIntents.retrieve(request.providerRef)));
  return {
    perform: async (request, call) => {
      try {
        await withKey(call, (idempotencyKey) =>
          client.paymentIntents.capture(request.providerRef, {
            amount_to_capture: request.amountMinor,
          }, { idempotencyKey }));
        return { result: "captured" };
      } catch (error) {
        if (error instanceof Stripe.errors.StripeCardError) return { result: "refused", reason: refusalReason(error) };
        const outcome = isUnexpectedState(error) ? await read(request) : undefined;
        if (outcome !== undefined) return outcome;
        throw effectError(attempted(request), error);
      }
    },
    find: (request) => read(request),
  };
}

function captureOf({ status }: Stripe.PaymentIntent): CapturePaymentOutcome | undefined {
  if (status === "succeeded") return { result: "captured" };
  return status === "canceled" ? { result: "refused", reason: "canceled" } : undefined;
}

function voiding(client: Stripe, clock: Clock): Required<StripeProvider["void-payment"]> {
  const attempted = ({ orderId }: VoidPaymentRequest) => `void payment of order "${orderId}"`;
  const intentsOf = (request: VoidPaymentRequest) =>
    asking(attempted(request), async () => {
      if (request.providerRef === undefined) return await findIntentsOfOrder(client, request.orderId, clock);
      return [await client.paymentIntents.retrieve(request.providerRef)];
    });
  return {
    perform: async (request, call) => {
      for (const intent of await intentsOf(request)) {
        await cancel(client, intent, call, attempted(request));
      }
      return { result: "voided" };
    },
    find: async (request) => {
      const intents = await intentsOf(request);
      const isVoided = intents.length > 0 && intents.every(({ status }) => status === "canceled");
      return isVoided ? { result: "voided" } : undefined;
    },
  };
}

/** Cancels an intent that is not cancelled yet; one that was captured is a bug of the protocol that led here. */
async function cancel(client: Stripe, intent: Stripe.PaymentIntent, call: EffectCall, attempted: string) {
  if (intent.status === "canceled") return;
  if (intent.status === "succeeded") {
    throw new DefectError(`Cannot ${attempted}: payment intent "${intent.id}" was captured`, {
      dependency: paymentProvider,
      reason: "already-captured",
    });
  }
  try {
    await withKey(
      call,
      (key) => client.paymentIntents.cancel(intent.id, {}, { idempotencyKey: `${key}/${intent.id}` }),
    );
  } catch (error) {
    if (!isUnexpectedState(error)) throw effectError(attempted, error);
    // It changed after it was read, by an earlier attempt or by a capture: the state says which.
    const now = await asking(attempted, () => client.paymentIntents.retrieve(intent.id));
    if (now.status === "canceled") return;
    if (now.status === "succeeded") return await cancel(client, now, call, attempted);
    throw effectError(attempted, error);
  }
}

function refunding(client: Stripe): Required<StripeProvider["refund-payment"]> {
  const attempted = ({ orderId }: RefundPaymentRequest) => `refund payment of order "${orderId}"`;
  return {
    perform: async (request, call) => {
      const { orderId, providerRef, amountMinor } = request;
      const refund = await asking(
        attempted(request),
        () =>
          withKey(call, (idempotencyKey) =>
            client.refunds.create({
              payment_intent: providerRef,
              amount: amountMinor,
              metadata: { orderId, effectKey: call.idempotencyKey },
            }, { idempotencyKey })),
      );
      return refundOf(refund, attempted(request));
    },
    find: async (request, { idempotencyKey }) => {
      const refunds = await asking(
        attempted(request),
        () => client.refunds.list({ payment_intent: request.providerRef, limit: 100 }),
      );
      const refund = refunds.data.find(({ metadata }) => metadata?.effectKey === idempotencyKey);
      return refund && refundOf(refund, attempted(request));
    },
  };
}

function refundOf(refund: Stripe.Refund, attempted: string): RefundPaymentOutcome {
  if (refund.status !== "failed" && refund.status !== "canceled") return { result: "refunded" };
  throw new DefectError(`Cannot ${attempted}: refund "${refund.id}" is ${refund.status}`, {
    dependency: paymentProvider,
    reason: "refund-failed",
  });
}

/**
 * Sends a request with the effect's key, and once more with a key of this attempt if the provider keeps answering the
 * first with a stored failure.
 *
 * Only for what cannot take effect twice, whatever its key: an intent is captured or cancelled once, and a charge is
 * not refunded beyond its amount.
 */
async function withKey<Answer>(call: EffectCall, send: (idempotencyKey: string) => Promise<Answer>): Promise<Answer> {
  try {
    return await send(call.idempotencyKey);
  } catch (error) {
    if (!isStoredFailure(error)) throw error;
    return await send(`${call.idempotencyKey}/attempt-${call.attempt}`);
  }
}

async function asking<Answer>(attempted: string, ask: () => Promise<Answer>): Promise<Answer> {
  try {
    return await ask();
  } catch (error) {
    throw error instanceof UnavailableError ? error : effectError(attempted, error);
  }
}
