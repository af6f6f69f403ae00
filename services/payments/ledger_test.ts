import { deepStrictEqual as assertEquals, throws as assertThrows } from "node:assert/strict";
import fc from "fast-check";
import { PaymentVoided } from "./contract.ts";
import {
  authorizationPostings,
  capturePostings,
  emptyBalances,
  post,
  type Posting,
  refundPostings,
  voidPostings,
} from "./ledger.ts";

const orderId = "0b9b3f0e-6a5c-7a7e-9a51-0d6f2a0f0001";
const amount = fc.integer({ min: 1, max: 99_999_999 });
const booking = fc.tuple(
  fc.constantFrom(authorizationPostings, voidPostings, capturePostings, refundPostings),
  amount,
).map(([postingsFor, amountMinor]) => postingsFor(amountMinor));

Deno.test("every booking of the ledger balances, and so do all of them together", () => {
  fc.assert(fc.property(fc.array(booking, { maxLength: 50 }), (bookings) => {
    for (const postings of bookings) assertEquals(sum(post(emptyBalances, postings)), 0);
    assertEquals(sum(bookings.reduce(post, emptyBalances)), 0);
  }));
});

Deno.test("a void leaves the ledger as if nothing had been authorised", () => {
  fc.assert(fc.property(amount, (amountMinor) => {
    assertEquals([authorizationPostings, voidPostings].map((of) => of(amountMinor)).reduce(post, emptyBalances), {
      ...emptyBalances,
    });
  }));
});

Deno.test("a capture turns what was authorised into what the provider owes, and a refund takes it back", () => {
  const captured = [authorizationPostings(2100), capturePostings(2100)].reduce(post, emptyBalances);

  assertEquals(captured, {
    "authorized": 0,
    "authorization-contra": 0,
    "provider": 2100,
    "sales": -2100,
    "refunds": 0,
  });
  assertEquals(post(captured, refundPostings(2100)), { ...captured, provider: 0, refunds: 2100 });
});

Deno.test("an event with postings that do not balance, or have two sides, cannot be made", () => {
  const wrong: Posting[][] = [
    [{ account: "sales", debitMinor: 1, creditMinor: 0 }],
    [{ account: "sales", debitMinor: 1, creditMinor: 1 }],
    [{ account: "sales", debitMinor: 0, creditMinor: 0 }],
  ];
  for (const postings of wrong) {
    assertThrows(() => PaymentVoided({ orderId, postings }), { code: "contract.invalid" });
  }
});

function sum(balances: Readonly<Record<string, number>>): number {
  return Object.values(balances).reduce((total, balanceMinor) => total + balanceMinor, 0);
}
