/**
 * What payments asks of the payment provider.
 *
 * Effects of one order run one at a time in the order asked for, so a void that was asked for while an authorisation
 * was in flight runs after that attempt; the authorisation is then not tried again.
 *
 * @module
 */
import { z } from "zod";
import { defineEffect } from "@mesh/actor";

const dependency = "payment-provider";
/** The official client's default is longer; a customer is waiting here. */
const deadlineMs = 10_000;

const Payment = z.object({ orderId: z.uuid() });
const AmountMinor = z.int().min(1).max(99_999_999);
const Currency = z.string().regex(/^[A-Z]{3}$/);
/** Any printable word of the provider's: an outcome that breaks the schema would be asked for again and again. */
const Reason = z.string().regex(/^[\x20-\x7e]{1,100}$/);
const ProviderRef = z.string().regex(/^[A-Za-z0-9_-]{1,255}$/);

/** Sets the amount aside. */
export const Authorize = defineEffect("authorize-payment", {
  dependency,
  deadlineMs,
  request: Payment.extend({ amountMinor: AmountMinor, currency: Currency, paymentMethod: z.string() }),
  outcome: z.discriminatedUnion("result", [
    z.object({ result: z.literal("authorized"), providerRef: ProviderRef }),
    z.object({ result: z.literal("declined"), reason: Reason }),
  ]),
});

/** Takes the whole amount that was set aside. */
export const Capture = defineEffect("capture-payment", {
  dependency,
  deadlineMs,
  request: Payment.extend({ providerRef: ProviderRef, amountMinor: AmountMinor, currency: Currency }),
  outcome: z.discriminatedUnion("result", [
    z.object({ result: z.literal("captured") }),
    z.object({ result: z.literal("refused"), reason: Reason }),
  ]),
});

/** Gives back what was set aside; without `providerRef`, whatever the provider knows of the order. */
export const Void = defineEffect("void-payment", {
  dependency,
  deadlineMs,
  // An authorisation that nobody can tell the outcome of must not keep its own undo waiting.
  supersedes: [Authorize.effect],
  request: Payment.extend({ providerRef: ProviderRef.optional() }),
  outcome: z.object({ result: z.literal("voided") }),
});

/** Pays back the whole amount that was captured. */
export const Refund = defineEffect("refund-payment", {
  dependency,
  deadlineMs,
  request: Payment.extend({ providerRef: ProviderRef, amountMinor: AmountMinor }),
  outcome: z.object({ result: z.literal("refunded") }),
});
