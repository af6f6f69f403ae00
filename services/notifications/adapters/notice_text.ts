/** What a notice is about. */
export const noticeKinds = ["confirmed", "rejected", "cancelled"] as const;

/** One of {@link noticeKinds}. */
export type NoticeKind = typeof noticeKinds[number];

/** A notice as a person reads it. */
export interface NoticeText {
  readonly subject: string;
  readonly text: string;
}

const templates: Readonly<Record<NoticeKind, { readonly subject: string; readonly message: string }>> = {
  confirmed: {
    subject: "is confirmed",
    message: "Thank you for your order. It is paid and on its way to the address you gave.",
  },
  rejected: {
    subject: "could not be accepted",
    message: "We are sorry: we could not complete your order. You have not been charged; " +
      "if an amount was reserved on your card, it has been released.",
  },
  cancelled: {
    subject: "is cancelled",
    message: "As you asked, your order is cancelled. You have not been charged; " +
      "if an amount was reserved on your card, it has been released.",
  },
};

/**
 * Writes a notice.
 *
 * @param kind What it is about.
 * @param notice The order, and the name to greet; a name of blanks greets nobody by name.
 * @returns Subject and plain text.
 *
 * @example A confirmed order
 * ```ts
 * import { strictEqual as assertEquals } from "node:assert/strict";
 * import { noticeText } from "./notice_text.ts";
 *
 * const notice = noticeText("confirmed", { orderId: "o-1", displayName: "Mina" });
 * assertEquals(notice.subject, "Your order o-1 is confirmed");
 * ```
 */
export function noticeText(
  kind: NoticeKind,
  { orderId, displayName }: { readonly orderId: string; readonly displayName: string },
): NoticeText {
  const { subject, message } = templates[kind];
  // A name is what a customer typed: on one line, and no longer than a name is, or it could pass for our words.
  const name = displayName.replaceAll(/\s+/g, " ").trim().slice(0, 80);
  return {
    subject: `Your order ${orderId} ${subject}`,
    text: [`Hello${name === "" ? "" : ` ${name}`},`, message, `Order: ${orderId}`, "Jangteo"].join("\n\n") + "\n",
  };
}

/**
 * Names a notice for the mail system. Always the same for one order and kind, so that a repeat can be recognised:
 * SMTP has no idempotency key.
 *
 * @param kind What the notice is about.
 * @param orderId The order.
 * @param domain Ours, for example `jangteo.example`.
 * @returns A Message-ID with its angle brackets (RFC 5322 3.6.4); characters that it may not hold are encoded.
 *
 * @example The same notice has the same name
 * ```ts
 * import { strictEqual as assertEquals } from "node:assert/strict";
 * import { noticeMessageId } from "./notice_text.ts";
 *
 * assertEquals(noticeMessageId("confirmed", "o-1", "jangteo.example"), "<notice.confirmed.o-1@jangteo.example>");
 * ```
 */
export function noticeMessageId(kind: NoticeKind, orderId: string, domain: string): string {
  const encoded = encodeURIComponent(orderId).replaceAll(/[.()]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);
  return `<notice.${kind}.${encoded}@${domain}>`;
}
