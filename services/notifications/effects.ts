/**
 * What notifications asks of the mail server.
 *
 * @module
 */
import { z } from "zod";
import { defineEffect } from "@mesh/actor";
import { noticeKinds } from "./contract.ts";

/** Sends one notice. The adapter resolves the customer's mail address and keeps it nowhere. */
export const SendNotice = defineEffect("send-notice", {
  dependency: "mail",
  deadlineMs: 10_000,
  request: z.object({ orderId: z.uuid(), kind: z.enum(noticeKinds), customerId: z.uuid() }),
  outcome: z.object({ messageId: z.string().min(1).max(250) }),
});
