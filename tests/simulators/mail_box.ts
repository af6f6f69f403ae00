import { parseMail } from "./mail_message.ts";

/** One mail that arrived. */
export interface Mail {
  /** Counts up from 1; not the Message-ID, because the same mail may arrive twice. */
  readonly id: number;
  readonly messageId: string;
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  /** What the sender says it is about; empty where it says nothing. */
  readonly orderId: string;
  readonly noticeKind: string;
  /** RFC 3339. */
  readonly receivedAt: string;
}

/** What arrived for one order and kind of notice. */
export interface NoticeLedger {
  readonly orderId: string;
  readonly noticeKind: string;
  /** More than one means that the shop made two notices of one. */
  readonly messageIds: readonly string[];
  /** Arrivals, the same mail twice included: SMTP has no idempotency key. */
  readonly arrivals: number;
}

/** The mails that the sink shows. */
export interface MailBox {
  store(raw: string, envelope: { readonly from: string; readonly to: readonly string[] }, receivedAtMs: number): void;
  /** Newest first. */
  list(filter?: { readonly orderId?: string; readonly to?: string }): readonly Mail[];
  find(id: number): Mail | undefined;
  ledger(
    orderId?: string,
  ): { readonly notices: readonly NoticeLedger[]; readonly totals: { readonly arrivals: number } };
  clear(): void;
}

/**
 * Makes an empty mail box.
 *
 * @param mailsMax How many mails are shown; the oldest goes first. The ledger counts those that went, too.
 */
export function createMailBox(mailsMax = 10_000): MailBox {
  const mails = new Map<number, Mail>();
  const notices = new Map<string, NoticeLedger>();
  let arrivals = 0;
  return {
    store: (raw, { from, to }, receivedAtMs) => {
      const { headers, text } = parseMail(raw);
      arrivals += 1;
      const mail: Mail = {
        id: arrivals,
        messageId: headers["message-id"] ?? "",
        from,
        to,
        subject: headers.subject ?? "",
        text,
        orderId: headers["x-order-id"] ?? "",
        noticeKind: headers["x-notice-kind"] ?? "",
        receivedAt: new Date(receivedAtMs).toISOString(),
      };
      mails.set(mail.id, mail);
      if (mails.size > mailsMax) mails.delete(arrivals - mailsMax);
      const key = JSON.stringify([mail.orderId, mail.noticeKind]);
      notices.set(key, withArrival(notices.get(key), mail));
    },
    list: ({ orderId, to } = {}) =>
      [...mails.values()].reverse().filter((mail) =>
        (orderId === undefined || mail.orderId === orderId) && (to === undefined || mail.to.includes(to))
      ),
    find: (id) => mails.get(id),
    ledger: (orderId) => {
      const shown = [...notices.values()].filter((notice) => orderId === undefined || notice.orderId === orderId);
      return { notices: shown, totals: { arrivals: shown.reduce((sum, notice) => sum + notice.arrivals, 0) } };
    },
    clear: () => {
      mails.clear();
      notices.clear();
      arrivals = 0;
    },
  };
}

function withArrival(before: NoticeLedger | undefined, mail: Mail): NoticeLedger {
  const { orderId, noticeKind, messageId } = mail;
  if (before === undefined) return { orderId, noticeKind, messageIds: [messageId], arrivals: 1 };
  return {
    ...before,
    messageIds: before.messageIds.includes(messageId) ? before.messageIds : [...before.messageIds, messageId],
    arrivals: before.arrivals + 1,
  };
}
