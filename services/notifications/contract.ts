/**
 * What notifications tells everyone. It takes no commands: it listens to how orders end.
 *
 * @module
 */
import { z } from "zod";
import { defineEvent } from "@mesh/contract";

/** Lower case only: two spellings of one id would be two notices. */
const Id = z.uuid().regex(/^[^A-Z]*$/, "must be lower case");

/** What a customer is told about an order; each at most once. */
export const noticeKinds = ["confirmed", "rejected", "cancelled"] as const;

const Notice = z.object({ orderId: Id, kind: z.enum(noticeKinds) });

/** A notice is due; it is sent as soon as the ones before it are out. `customerId` is a pseudonym. */
export const NoticeRequested = defineEvent("notifications.notice-requested", {
  version: 1,
  schema: Notice.extend({ customerId: Id }),
  key: ({ orderId }) => orderId,
});

/** The mail server has taken the notice. `messageId` is its `Message-ID`, the same for order and kind. */
export const NoticeSent = defineEvent("notifications.notice-sent", {
  version: 1,
  schema: Notice.extend({ messageId: z.string().min(1).max(250) }),
  key: ({ orderId }) => orderId,
});

/**
 * The notice will never be sent: the customer's address is gone, or the mail server refused it for good. `reason` is a
 * stable word.
 */
export const NoticeRefused = defineEvent("notifications.notice-refused", {
  version: 1,
  schema: Notice.extend({ reason: z.string().regex(/^[\x20-\x7e]{1,100}$/) }),
  key: ({ orderId }) => orderId,
});

/** Every contract of the service, for locks and topology. */
export const contracts = [NoticeRequested, NoticeSent, NoticeRefused];
