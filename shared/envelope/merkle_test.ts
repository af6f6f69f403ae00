import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { deepStrictEqual as assertEquals, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { hashLength, KnownTree, merkleTree } from "./merkle.ts";

/** RFC 9162 2.1.1, word for word. */
function rootOf(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 1) return leaves[0]!;
  const at = splitOf(leaves.length);
  return parent(rootOf(leaves.slice(0, at)), rootOf(leaves.slice(at)));
}

/** RFC 9162 2.1.3.1, word for word. */
function pathOf(index: number, leaves: readonly Buffer[]): readonly Buffer[] {
  if (leaves.length === 1) return [];
  const at = splitOf(leaves.length);
  return index < at
    ? [...pathOf(index, leaves.slice(0, at)), rootOf(leaves.slice(at))]
    : [...pathOf(index - at, leaves.slice(at)), rootOf(leaves.slice(0, at))];
}

/** The largest power of two smaller than `count`. */
function splitOf(count: number): number {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
}

function parent(left: Buffer, right: Buffer): Buffer {
  return createHash("sha256").update(Buffer.concat([Buffer.of(1), left, right])).digest();
}

function leavesOf(count: number): readonly Buffer[] {
  return Array.from({ length: count }, (_, at) => createHash("sha256").update(`leaf ${at}`).digest());
}

const text = (hash: Buffer) => hash.toString("base64url");

Deno.test("merkleTree gives the roots and inclusion proofs of RFC 9162, for every leaf of every tree up to 70", () => {
  for (let size = 1; size <= 70; size += 1) {
    const leaves = leavesOf(size);
    const { root, paths } = merkleTree(leaves.map(text));
    strictEqual(root, text(rootOf(leaves)));
    assertEquals(paths, leaves.map((_, index) => pathOf(index, leaves).map(text).join("")));
  }
});

Deno.test("merkleTree agrees with a published tree of seven leaves", () => {
  // The leaves of the reference tree that Certificate Transparency's implementations test with, already hashed.
  const inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"];
  const leaves = inputs.map((hex) => createHash("sha256").update(Buffer.from(`00${hex}`, "hex")).digest("base64url"));
  strictEqual(
    Buffer.from(merkleTree(leaves).root, "base64url").toString("hex"),
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  );
});

const tree = fc.integer({ min: 2, max: 40 }).map((size) => ({ size, ...merkleTree(leavesOf(size).map(text)) }));

Deno.test("KnownTree takes every leaf with its own proof, in any order and again, and asks once for the root", () => {
  fc.assert(fc.property(tree, fc.infiniteStream(fc.nat()), ({ size, root, paths }, order) => {
    const leaves = leavesOf(size).map(text);
    const known = new KnownTree(size);
    let asked = 0;
    const isRoot = (found: string) => (asked += 1) > 0 && found === root;
    for (const pick of [...order.take(size * 2)]) {
      const index = pick % size;
      ok(known.has(leaves[index]!, index, paths[index]!, isRoot));
    }
    strictEqual(asked, 1);
  }));
});

Deno.test("KnownTree refuses another leaf, place, or proof, whatever it knows already", () => {
  const wrong = fc.record({
    proven: fc.array(fc.nat(39), { maxLength: 6 }),
    index: fc.nat(39),
    change: fc.constantFrom("leaf", "place", "hash", "longer", "shorter", "spelling"),
    at: fc.nat(5),
  });
  fc.assert(
    fc.property(tree, wrong, ({ size, root, paths }, { proven, index, change, at }) => {
      const leaves = leavesOf(size).map(text);
      const known = new KnownTree(size);
      const isRoot = (found: string) => found === root;
      for (const each of proven) ok(known.has(leaves[each % size]!, each % size, paths[each % size]!, isRoot));

      const own = index % size;
      const path = paths[own]!;
      const start = (at % (path.length / hashLength)) * hashLength;
      const end = start + hashLength;
      const replaced = (hash: string) => path.slice(0, start) + hash + path.slice(end);
      const attempt = {
        leaf: [text(createHash("sha256").update("another").digest()), own, path],
        place: [leaves[own]!, (own + 1) % size, path],
        hash: [leaves[own]!, own, replaced(leaves[own]!)],
        longer: [leaves[own]!, own, path + "A".repeat(hashLength)],
        shorter: [leaves[own]!, own, path.slice(hashLength)],
        spelling: [leaves[own]!, own, replaced(withUnusedBits(path.slice(start, end)))],
      }[change] as [string, number, string];
      ok(!known.has(...attempt, isRoot));
      // What was refused has left nothing behind.
      ok(known.has(leaves[own]!, own, path, isRoot));
    }),
    { numRuns: 2000 },
  );
});

/** The same 32 bytes, spelled so that only a lenient decoder reads them. */
function withUnusedBits(hash: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return hash.slice(0, -1) + alphabet[alphabet.indexOf(hash.at(-1)!) + 1]!;
}
