/**
 * What each command makes of a payment. Pure.
 *
 * A command under a new id that asks for what has already happened is answered with it, marked as a repeat; one that
 * asks for what the provider is already working on waits for the same outcome.
 *
 * @module
 */
import { type DataOf, unanswering } from "@mesh/contract";
import type { Context } from "@mesh/actor";
import {
  AuthorizationRequested,
  type AuthorizePayment,
  type CapturePayment,
  CaptureRefused,
  CaptureRequested,
  PaymentAuthorized,
  PaymentCaptured,
  PaymentDeclined,
  PaymentRefunded,
  PaymentVoided,
  type RefundPayment,
  RefundRefused,
  RefundRequested,
  type VoidPayment,
  VoidRefused,
  VoidRequested,
} from "./contract.ts";
import { Authorize, Capture, Refund, Void } from "./effects.ts";
import { checkRoom, isVoiding, type PaymentState, readProviderRef } from "./payment.ts";

/** Decides on a request to authorise: one authorisation per order, whoever asks again. */
export function authorize(payment: PaymentState, asked: DataOf<typeof AuthorizePayment>, { messageId }: Context) {
  const { orderId, customerId, amountMinor, currency, paymentMethod } = asked;
  const requested = unanswering(
    AuthorizationRequested({ orderId, customerId, amountMinor, currency, commandId: messageId }),
  );
  if (payment.phase === "none") {
    return [requested, Authorize({ orderId, amountMinor, currency, paymentMethod })];
  }
  const decline = (reason: string) => PaymentDeclined({ orderId, reason, isRepeat: true });
  if (payment.amountMinor !== amountMinor || payment.currency !== currency) return decline("amount-differs");
  if (payment.phase === "voided" || isVoiding(payment)) return decline("voided");
  if (payment.phase === "declined") return decline(payment.declineReason ?? "declined");
  if (payment.phase === "authorizing") {
    checkRoom(payment, "authorization");
    return requested;
  }
  const providerRef = readProviderRef(payment);
  return PaymentAuthorized({ orderId, amountMinor, currency, providerRef, postings: [], isRepeat: true });
}

/** Decides on a request to capture: only what is authorised and not being given back, and only once. */
export function capture(payment: PaymentState, { orderId }: DataOf<typeof CapturePayment>, { messageId }: Context) {
  const refuse = (reason: string) => CaptureRefused({ orderId, reason });
  const requested = unanswering(CaptureRequested({ orderId, commandId: messageId }));
  switch (payment.phase) {
    case "authorized": {
      if (isVoiding(payment)) return refuse("voided");
      const { amountMinor, currency } = payment;
      return [requested, Capture({ orderId, providerRef: readProviderRef(payment), amountMinor, currency })];
    }
    case "capturing":
      checkRoom(payment, "capture");
      return requested;
    case "captured": {
      const { amountMinor, currency } = payment;
      return PaymentCaptured({ orderId, amountMinor, currency, postings: [], isRepeat: true });
    }
    case "none":
    case "authorizing":
      return refuse("not-authorized");
    case "refunding":
      return refuse("refunded");
    case "declined":
    case "voided":
    case "refunded":
      return refuse(payment.phase);
  }
}

/**
 * Decides on a request to void, the undo of an authorisation.
 *
 * While the authorisation is unanswered nobody knows whether there is one. The provider is asked all the same: effects
 * of one key run in order, so the void runs when the authorisation has ended.
 */
export function voidPayment(payment: PaymentState, { orderId }: DataOf<typeof VoidPayment>, { messageId }: Context) {
  const requested = unanswering(VoidRequested({ orderId, commandId: messageId }));
  if (payment.phase !== "none" && isVoiding(payment)) {
    checkRoom(payment, "void");
    return requested;
  }
  switch (payment.phase) {
    case "none":
    case "declined":
    case "voided":
      return PaymentVoided({ orderId, postings: [], isRepeat: true });
    case "authorizing":
    case "authorized": {
      const { providerRef } = payment;
      return [requested, Void(providerRef === null ? { orderId } : { orderId, providerRef })];
    }
    case "refunding":
      return VoidRefused({ orderId, reason: "captured" });
    case "capturing":
    case "captured":
    case "refunded":
      return VoidRefused({ orderId, reason: payment.phase });
  }
}

/** Decides on a request to refund: only what is captured, all of it, and only once. */
export function refund(payment: PaymentState, { orderId }: DataOf<typeof RefundPayment>, { messageId }: Context) {
  const requested = unanswering(RefundRequested({ orderId, commandId: messageId }));
  switch (payment.phase) {
    case "captured": {
      const { amountMinor } = payment;
      return [requested, Refund({ orderId, providerRef: readProviderRef(payment), amountMinor })];
    }
    case "refunding":
      checkRoom(payment, "refund");
      return requested;
    case "refunded": {
      const { amountMinor, currency } = payment;
      return PaymentRefunded({ orderId, amountMinor, currency, postings: [], isRepeat: true });
    }
    default:
      return RefundRefused({ orderId, reason: "not-captured" });
  }
}
