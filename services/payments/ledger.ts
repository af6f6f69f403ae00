/**
 * Double-entry bookkeeping of one payment. Integers only; every booking balances.
 *
 * @module
 */
import { accounts, type PaymentCaptured } from "./contract.ts";
import type { DataOf } from "@mesh/contract";

/** One line of a booking. */
export type Posting = DataOf<typeof PaymentCaptured>["postings"][number];
export type Account = Posting["account"];

/** Debits minus credits of each account, in minor units. Sums to zero at any time. */
export type Balances = Readonly<Record<Account, number>>;

/** Nothing booked yet. */
export const emptyBalances: Balances = Object.freeze(
  Object.fromEntries(accounts.map((account) => [account, 0])) as Record<Account, number>,
);

/** @returns What it books that money was set aside. */
export function authorizationPostings(amountMinor: number): Posting[] {
  return [debit("authorized", amountMinor), credit("authorization-contra", amountMinor)];
}

/** @returns What it books that money is no longer set aside. */
export function voidPostings(amountMinor: number): Posting[] {
  return [credit("authorized", amountMinor), debit("authorization-contra", amountMinor)];
}

/**
 * Books a capture: the money is no longer set aside, the provider owes it, and it was earned.
 *
 * @param amountMinor The whole authorised amount, at least 1.
 * @returns Four postings that balance.
 *
 * @example What the provider owes after a capture and a refund is nothing
 * ```ts
 * import { strictEqual as assertEquals } from "node:assert/strict";
 * import { authorizationPostings, capturePostings, emptyBalances, post, refundPostings } from "./ledger.ts";
 *
 * const captured = post(post(emptyBalances, authorizationPostings(2100)), capturePostings(2100));
 * assertEquals(captured.provider, 2100);
 * assertEquals(post(captured, refundPostings(2100)).provider, 0);
 * ```
 */
export function capturePostings(amountMinor: number): Posting[] {
  return [...voidPostings(amountMinor), debit("provider", amountMinor), credit("sales", amountMinor)];
}

/** @returns What it books that captured money was paid back. */
export function refundPostings(amountMinor: number): Posting[] {
  return [debit("refunds", amountMinor), credit("provider", amountMinor)];
}

/** @returns The balances after the postings. */
export function post(balances: Balances, postings: readonly Posting[]): Balances {
  const after: Record<Account, number> = { ...balances };
  for (const { account, debitMinor, creditMinor } of postings) after[account] += debitMinor - creditMinor;
  return after;
}

function debit(account: Account, amountMinor: number): Posting {
  return { account, debitMinor: amountMinor, creditMinor: 0 };
}

function credit(account: Account, amountMinor: number): Posting {
  return { account, debitMinor: 0, creditMinor: amountMinor };
}
