import { match, notStrictEqual, strictEqual } from "node:assert/strict";
import { claimsHash } from "./claims_hash.ts";

const claims = { iss: "orders", dat: { units: 2, note: null, lines: ["a", "b"], isGift: true }, n: 1 };

Deno.test("claims that say the same have the same hash, in the form of any envelope's", () => {
  const again = { ...claims, dat: { ...claims.dat }, act: undefined };

  strictEqual(claimsHash(again, 1_000), claimsHash(claims, 1_000));
  match(claimsHash(claims, 1_000)!, /^[A-Za-z0-9_-]{43}$/);
});

Deno.test("claims that differ anywhere have another hash", () => {
  const hash = claimsHash(claims, 1_000);
  const others = [
    { ...claims, iss: "order" },
    { ...claims, n: "1" },
    { ...claims, n: 1.5 },
    { ...claims, dat: { ...claims.dat, units: -2 } },
    { ...claims, dat: { ...claims.dat, note: "null" } },
    { ...claims, dat: { ...claims.dat, lines: ["ab"] } },
    { ...claims, dat: { ...claims.dat, lines: [["a"], "b"] } },
    { ...claims, dat: { ...claims.dat, isGift: false } },
  ];
  for (const other of others) notStrictEqual(claimsHash(other, 1_000), hash, JSON.stringify(other));
});

Deno.test("long claims and those beyond ASCII are left to the real codec", () => {
  strictEqual(claimsHash({ iss: "x".repeat(1_000) }, 1_000), undefined);
  strictEqual(claimsHash({ iss: "\u00e9" }, 1_000), undefined);
});
