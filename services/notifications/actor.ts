/**
 * The notices about one order: one of each kind at most, sent one after the other.
 *
 * @module
 */
import { defineActor } from "@mesh/actor";
import { OrderConfirmed, OrderRejected } from "@shop/orders";
import { type noticeKinds, NoticeRefused, NoticeRequested, NoticeSent } from "./contract.ts";
import { SendNotice } from "./effects.ts";

/** What a customer is told. */
export type NoticeKind = typeof noticeKinds[number];

/** What was already said about an order, and what waits to be said. */
export interface NoticesState {
  /** Null until the first notice is due. */
  readonly recipient: { readonly orderId: string; readonly customerId: string } | null;
  /** Every kind that was ever due: none comes twice. */
  readonly kinds: readonly NoticeKind[];
  /**
   * Kinds that are not sent yet; the first one is with the mail server. One at a time, because the outcome of an
   * effect does not say which notice it is about.
   */
  readonly unsent: readonly NoticeKind[];
}

/** The notices about one order. It hears each end of an order any number of times and speaks once. */
export const notifications = defineActor({
  name: "notifications",
  accepts: { OrderConfirmed, OrderRejected },
  records: { NoticeRequested, NoticeSent, NoticeRefused },
  effects: { SendNotice },
  initialState: (): NoticesState => ({ recipient: null, kinds: [], unsent: [] }),

  decide: {
    OrderConfirmed: (notices, { orderId, customerId, isRepeat }) =>
      isRepeat ? [] : notice(notices, { orderId, customerId, kind: "confirmed" }),
    OrderRejected: (notices, { orderId, customerId, reason, isRepeat }) =>
      isRepeat ? [] : notice(notices, { orderId, customerId, kind: reason === "cancelled" ? "cancelled" : "rejected" }),
  },

  outcomes: {
    SendNotice: ({ recipient, unsent }, outcome) => {
      const [kind, next] = unsent;
      // An outcome that nobody waits for was recorded before.
      if (recipient === null || kind === undefined) return [];
      const { orderId } = recipient;
      const recorded = outcome.result === "sent"
        ? NoticeSent({ orderId, kind, messageId: outcome.messageId })
        : NoticeRefused({ orderId, kind, reason: outcome.reason });
      return next === undefined ? recorded : [recorded, sending({ ...recipient, kind: next })];
    },
  },

  evolve: {
    NoticeRequested: ({ kinds, unsent }, { orderId, customerId, kind }) => ({
      recipient: { orderId, customerId },
      kinds: [...kinds, kind],
      unsent: [...unsent, kind],
    }),
    NoticeSent: settled,
    NoticeRefused: settled,
  },
});

interface Due {
  readonly orderId: string;
  readonly customerId: string;
  readonly kind: NoticeKind;
}

/** The contract's `noticeKinds` bounds the lists: a kind that was due once is never due again. */
function notice({ kinds, unsent }: NoticesState, due: Due) {
  if (kinds.includes(due.kind)) return [];
  return unsent.length === 0 ? [NoticeRequested(due), sending(due)] : [NoticeRequested(due)];
}

function sending({ orderId, customerId, kind }: Due) {
  return SendNotice({ orderId, kind, recipientRef: customerId });
}

function settled(notices: NoticesState, { kind }: { readonly kind: NoticeKind }): NoticesState {
  return { ...notices, unsent: notices.unsent.filter((other) => other !== kind) };
}
