import { match, notStrictEqual, strictEqual } from "node:assert/strict";
import type { EnvelopeClaims } from "@mesh/envelope";
import { ClaimsHashes } from "./claims_hash.ts";

const data = { units: 2, note: null, lines: ["a", "b"], isGift: true };
const claims = { iss: "orders", jti: "1", dat: data, n: 1 };

function hashIn(hashes: ClaimsHashes, said: object): string | undefined {
  return hashes.of(said as EnvelopeClaims, 1_000);
}

Deno.test("claims that say the same have the same hash, in the form of any envelope's", () => {
  const hashes = new ClaimsHashes();
  const hash = hashIn(hashes, claims);

  strictEqual(hashIn(hashes, { ...claims, dat: { ...data }, act: undefined }), hash);
  match(hash!, /^[A-Za-z0-9_-]{43}$/);
});

Deno.test("claims that differ anywhere have another hash", () => {
  const hashes = new ClaimsHashes();
  const hash = hashIn(hashes, claims);
  const others = [
    { ...claims, jti: "2" },
    { ...claims, iss: "order" },
    { ...claims, n: "1" },
    { ...claims, n: 1.5 },
    { ...claims, dat: { ...data, units: -2 } },
    { ...claims, dat: { ...data, note: "null" } },
    { ...claims, dat: { ...data, lines: ["ab"] } },
    { ...claims, dat: { ...data, lines: [["a"], "b"] } },
    { ...claims, dat: { ...data, isGift: false } },
  ];
  for (const other of others) notStrictEqual(hashIn(hashes, other), hash, JSON.stringify(other));
  strictEqual(new Set(others.map((other) => hashIn(hashes, other))).size, others.length);
});

Deno.test("long data and those beyond ASCII are left to the real codec", () => {
  const hashes = new ClaimsHashes();

  strictEqual(hashIn(hashes, { ...claims, dat: "x".repeat(1_000) }), undefined);
  strictEqual(hashIn(hashes, { ...claims, dat: "\u00e9" }), undefined);
});

Deno.test("a hash is given again once all claims are forgotten, so that a schedule played again has the same", () => {
  const hashes = new ClaimsHashes();
  const hash = hashIn(hashes, claims);
  hashIn(hashes, { ...claims, n: 2 });
  hashes.clear();

  strictEqual(hashIn(hashes, claims), hash);
});
