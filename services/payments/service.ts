/**
 * What payments says about itself.
 *
 * @module
 */
import { defineService } from "@mesh/contract";
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

export const service = defineService({
  name: "payments",
  purpose: "authorise, capture, void and refund per order; the ledger",
  accepts: [AuthorizePayment, CapturePayment, VoidPayment, RefundPayment],
  publishes: [
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
  ],
  sends: [],
  subscribes: [],
  calls: [],
  commandsItself: true,
  external: [{ name: "payment-provider", urlVariable: "PAYMENT_PROVIDER_URL" }],
  variables: ["PAYMENT_PROVIDER_KEY_FILE"],
  internalPort: 9105,
});
