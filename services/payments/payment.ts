/**
 * The state of one order's payment, and who waits for what. Pure.
 *
 * @module
 */
import { invariant } from "@mesh/base";
import { type Balances, emptyBalances, post, type Posting } from "./ledger.ts";

/** What a command can wait for. */
export type Awaited = "authorization" | "capture" | "void" | "refund";

/** Ids of the commands that an outcome of the provider will answer. */
export type Waiting = Readonly<Record<Awaited, readonly string[]>>;

/** A payment that was asked for at least once. */
export interface KnownPayment {
  /**
   * Where it stands, as far as the provider has told. A void that was asked for and not yet answered is no phase:
   * it shows in `waiting.void`, because the authorisation it gives back may itself be unanswered.
   */
  readonly phase:
    | "authorizing"
    | "authorized"
    | "declined"
    | "capturing"
    | "captured"
    | "refunding"
    | "refunded"
    | "voided";
  readonly orderId: string;
  readonly amountMinor: number;
  readonly currency: string;
  /** Null until authorised. */
  readonly providerRef: string | null;
  /** Null unless declined. */
  readonly declineReason: string | null;
  readonly waiting: Waiting;
  readonly balances: Balances;
}

/** What a payment's decisions depend on. */
export type PaymentState = { readonly phase: "none" } | KnownPayment;

/** Commands that may wait for one outcome; a sender that asks more often, each time under another id, has a bug. */
const waitingMax = 8;

/** @returns A payment whose authorisation has been asked for. */
export function newPayment(
  about: { readonly orderId: string; readonly amountMinor: number; readonly currency: string },
): KnownPayment {
  const { orderId, amountMinor, currency } = about;
  return {
    phase: "authorizing",
    orderId,
    amountMinor,
    currency,
    providerRef: null,
    declineReason: null,
    waiting: { authorization: [], capture: [], void: [], refund: [] },
    balances: emptyBalances,
  };
}

/** @returns The payment, with one more command waiting. */
export function withWaiting(payment: KnownPayment, awaited: Awaited, commandId: string): KnownPayment {
  return {
    ...payment,
    waiting: { ...payment.waiting, [awaited]: [...payment.waiting[awaited], commandId] },
  };
}

/** @returns The payment, with nobody waiting for this any more. */
export function withoutWaiting(payment: KnownPayment, awaited: Awaited): KnownPayment {
  return { ...payment, waiting: { ...payment.waiting, [awaited]: [] } };
}

/** @returns The payment, with the postings booked. */
export function withPostings(payment: KnownPayment, postings: readonly Posting[]): KnownPayment {
  return postings.length === 0 ? payment : { ...payment, balances: post(payment.balances, postings) };
}

/** Whether a void was asked for and the provider has not answered yet. */
export function isVoiding({ waiting }: KnownPayment): boolean {
  return waiting.void.length > 0;
}

/**
 * Reads the provider's reference of a payment that was authorised.
 *
 * @throws {DefectError} If it never was.
 */
export function readProviderRef({ orderId, phase, providerRef }: KnownPayment): string {
  invariant(providerRef !== null, `Cannot read the provider's reference of order "${orderId}": payment is ${phase}`);
  return providerRef;
}

/**
 * Checks that one more command may wait.
 *
 * @throws {DefectError} If too many wait already.
 */
export function checkRoom({ orderId, waiting }: KnownPayment, awaited: Awaited): void {
  invariant(
    waiting[awaited].length < waitingMax,
    `Cannot ask for ${awaited} of order "${orderId}": ${waitingMax} commands already wait for it`,
  );
}
