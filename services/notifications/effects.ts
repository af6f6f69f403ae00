/**
 * What notifications asks of the mail server.
 *
 * @module
 */
import { z } from "zod";
import { defineEffect } from "@mesh/actor";
import { noticeKinds } from "./contract.ts";

/** Sends one notice. The adapter resolves `recipientRef`, the customer's pseudonym, and keeps nothing of it. */
export const SendNotice = defineEffect("send-notice", {
  dependency: "mail",
  deadlineMs: 10_000,
  request: z.object({ orderId: z.uuid(), kind: z.enum(noticeKinds), recipientRef: z.uuid() }),
  outcome: z.discriminatedUnion("result", [
    z.object({ result: z.literal("sent"), messageId: z.string().min(1).max(250) }),
    z.object({ result: z.literal("refused"), reason: z.string().regex(/^[\x20-\x7e]{1,100}$/) }),
  ]),
});
