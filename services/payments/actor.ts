/**
 * One order's payment: authorised, then captured or voided; captured at most once.
 *
 * The provider's answers come as outcomes of effects, possibly out of order. A command that the provider has to decide
 * waits in the state and is answered with the outcome.
 *
 * @module
 */
import { answering } from "@mesh/contract";
import { defineActor } from "@mesh/actor";
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
import { authorize, capture, refund, voidPayment } from "./decisions.ts";
import { Authorize, Capture, Refund, Void } from "./effects.ts";
import { authorizationPostings, capturePostings, refundPostings, voidPostings } from "./ledger.ts";
import {
  type KnownPayment,
  newPayment,
  type PaymentState,
  withoutWaiting,
  withPostings,
  withWaiting,
} from "./payment.ts";

/** One order's payment. The ledger is in its events: each one that moves money carries balanced postings. */
export const payments = defineActor({
  name: "payments",
  accepts: { AuthorizePayment, CapturePayment, VoidPayment, RefundPayment },
  records: {
    AuthorizationRequested,
    PaymentAuthorized,
    PaymentDeclined,
    CaptureRequested,
    PaymentCaptured,
    CaptureRefused,
    VoidRequested,
    PaymentVoided,
    VoidRefused,
    RefundRequested,
    PaymentRefunded,
    RefundRefused,
  },
  effects: { Authorize, Capture, Void, Refund },
  initialState: (): PaymentState => ({ phase: "none" }),

  decide: {
    AuthorizePayment: authorize,
    CapturePayment: capture,
    VoidPayment: voidPayment,
    RefundPayment: refund,
  },

  // An outcome that nobody waits for was recorded before.
  outcomes: {
    Authorize: (payment, outcome) => {
      if (payment.phase === "none" || payment.waiting.authorization.length === 0) return [];
      const { phase, orderId, amountMinor, currency, waiting } = payment;
      const answer = () => {
        // The void ran after this authorisation, so it gave back what was set aside, only its outcome came first.
        if (phase === "voided") return PaymentDeclined({ orderId, reason: "voided" });
        if (outcome.result === "declined") return PaymentDeclined({ orderId, reason: outcome.reason });
        const { providerRef } = outcome;
        const postings = authorizationPostings(amountMinor);
        return PaymentAuthorized({ orderId, amountMinor, currency, providerRef, postings });
      };
      return answering(waiting.authorization, answer());
    },
    Capture: (payment, outcome) => {
      if (payment.phase !== "capturing") return [];
      const { orderId, amountMinor, currency, waiting } = payment;
      const answer = outcome.result === "captured"
        ? PaymentCaptured({ orderId, amountMinor, currency, postings: capturePostings(amountMinor) })
        : CaptureRefused({ orderId, reason: outcome.reason });
      return answering(waiting.capture, answer);
    },
    Void: (payment) => {
      if (payment.phase === "none" || payment.waiting.void.length === 0) return [];
      const { phase, orderId, amountMinor, waiting } = payment;
      const postings = phase === "authorized" ? voidPostings(amountMinor) : [];
      return answering(waiting.void, PaymentVoided({ orderId, postings, isRepeat: phase === "declined" }));
    },
    Refund: (payment) => {
      if (payment.phase !== "refunding") return [];
      const { orderId, amountMinor, currency, waiting } = payment;
      const postings = refundPostings(amountMinor);
      return answering(waiting.refund, PaymentRefunded({ orderId, amountMinor, currency, postings }));
    },
  },

  evolve: {
    AuthorizationRequested: (payment, { commandId, ...about }) =>
      withWaiting(payment.phase === "none" ? newPayment(about) : payment, "authorization", commandId),
    PaymentAuthorized: (payment, { providerRef, postings, isRepeat }) =>
      change(payment, (known) => {
        if (isRepeat) return known;
        return { ...withPostings(withoutWaiting(known, "authorization"), postings), phase: "authorized", providerRef };
      }),
    PaymentDeclined: (payment, { reason, isRepeat }) =>
      change(payment, (known) => {
        if (isRepeat) return known;
        const answered = withoutWaiting(known, "authorization");
        return known.phase === "voided" ? answered : { ...answered, phase: "declined", declineReason: reason };
      }),
    CaptureRequested: (payment, { commandId }) =>
      change(payment, (known) => ({ ...withWaiting(known, "capture", commandId), phase: "capturing" })),
    PaymentCaptured: (payment, { postings, isRepeat }) =>
      change(payment, (known) => {
        if (isRepeat) return known;
        return { ...withPostings(withoutWaiting(known, "capture"), postings), phase: "captured" };
      }),
    // The authorisation stands when the provider refuses: it can be voided, or captured by another attempt.
    CaptureRefused: (payment) =>
      change(
        payment,
        (known) => known.phase === "capturing" ? { ...withoutWaiting(known, "capture"), phase: "authorized" } : known,
      ),
    VoidRequested: (payment, { commandId }) => change(payment, (known) => withWaiting(known, "void", commandId)),
    PaymentVoided: (payment, { postings, isRepeat }) =>
      change(payment, (known) => {
        const answered = withPostings(withoutWaiting(known, "void"), postings);
        return isRepeat ? answered : { ...answered, phase: "voided" };
      }),
    VoidRefused: (payment) => payment,
    RefundRequested: (payment, { commandId }) =>
      change(payment, (known) => ({ ...withWaiting(known, "refund", commandId), phase: "refunding" })),
    PaymentRefunded: (payment, { postings, isRepeat }) =>
      change(payment, (known) => {
        if (isRepeat) return known;
        return { ...withPostings(withoutWaiting(known, "refund"), postings), phase: "refunded" };
      }),
    RefundRefused: (payment) => payment,
  },
});

/** An event about a payment that was never asked for only answers. */
function change(payment: PaymentState, to: (known: KnownPayment) => KnownPayment): PaymentState {
  return payment.phase === "none" ? payment : to(payment);
}
