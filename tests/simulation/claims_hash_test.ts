import { match, notStrictEqual, strictEqual } from "node:assert/strict";
import { ClaimsHashes } from "./claims_hash.ts";

const claims = { iss: "orders", dat: { units: 2, note: null, lines: ["a", "b"], isGift: true }, n: 1 };

Deno.test("claims that say the same have the same hash, in the form of any envelope's", () => {
  const hashes = new ClaimsHashes();
  const hash = hashes.of(claims, 1_000);

  strictEqual(hashes.of({ ...claims, dat: { ...claims.dat }, act: undefined }, 1_000), hash);
  match(hash!, /^[A-Za-z0-9_-]{43}$/);
});

Deno.test("claims that differ anywhere have another hash", () => {
  const hashes = new ClaimsHashes();
  const hash = hashes.of(claims, 1_000);
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
  for (const other of others) notStrictEqual(hashes.of(other, 1_000), hash, JSON.stringify(other));
  strictEqual(new Set(others.map((other) => hashes.of(other, 1_000))).size, others.length);
});

Deno.test("long claims and those beyond ASCII are left to the real codec", () => {
  const hashes = new ClaimsHashes();

  strictEqual(hashes.of({ iss: "x".repeat(1_000) }, 1_000), undefined);
  strictEqual(hashes.of({ iss: "\u00e9" }, 1_000), undefined);
});

Deno.test("a hash is given again once all claims are forgotten, so that a schedule played again has the same", () => {
  const hashes = new ClaimsHashes();
  const hash = hashes.of(claims, 1_000);
  hashes.of({ ...claims, n: 2 }, 1_000);
  hashes.clear();

  strictEqual(hashes.of(claims, 1_000), hash);
});
