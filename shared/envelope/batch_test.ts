import { Buffer } from "node:buffer";
import { deepStrictEqual as assertEquals, ok, strictEqual, throws } from "node:assert/strict";
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { compactVerify, createLocalJWKSet } from "jose";
import {
  commandClaims,
  draftEnvelope,
  envelopeHash,
  eventClaims,
  fixedKeyDirectory,
  sealEnvelopes,
  signEnvelope,
  verifyEnvelope,
} from "./mod.ts";
import { batchSigningInput } from "./header.ts";
import { merkleTree } from "./merkle.ts";
import { asInventory, asOrchestrator, commandFixture, eventFixture } from "./test_world.ts";
import { idOf, keyFiles, keys, orderId, ReserveStock, StockReserved } from "./test_world.ts";

/** @returns So many events of one stream, each naming the one before, signed together. */
function batchOf(
  size: number,
  key = keys.inventory,
): { readonly tokens: readonly string[]; readonly hashes: string[] } {
  const hashes: string[] = [];
  const drafts = Array.from({ length: size }, (_, at) => {
    const claims = eventClaims({
      message: StockReserved({ sku: "TEA-0001", units: 1 }),
      id: idOf(at + 1),
      service: "inventory",
      correlation: orderId,
      causation: null,
      nowMs: 1_767_225_601_000,
      n: at + 1,
      prv: hashes.at(-1) ?? null,
      re: [],
    });
    const draft = draftEnvelope({ ...claims, iss: key.service } as typeof claims, key);
    hashes.push(draft.hash);
    return draft;
  });
  return { tokens: sealEnvelopes(drafts, key), hashes };
}

/** A verifier that has seen nothing. */
const fresh = () => ({ ...asOrchestrator, keys: fixedKeyDirectory(keyFiles()) });
const signatureOf = (token: string) => token.split(".")[2]!.split("~")[0]!;

Deno.test("envelopes that are sealed together share one signature, and each verifies without the others", () => {
  for (const size of [2, 3, 16, 65]) {
    const { tokens, hashes } = batchOf(size);
    strictEqual(new Set(tokens.map(signatureOf)).size, 1);
    for (const [at, token] of tokens.entries()) {
      const { claims, hash } = verifyEnvelope(token, fresh());
      assertEquals([claims.n, claims.prv, hash, envelopeHash(token)], [
        at + 1,
        hashes[at - 1] ?? null,
        hashes[at],
        hash,
      ]);
    }
    const verifier = fresh();
    for (const token of tokens.toReversed()) strictEqual(verifyEnvelope(Buffer.from(token), verifier).token, token);
  }
});

Deno.test("sealEnvelopes makes batches of 1,024 at most", () => {
  const { tokens } = batchOf(1_026);
  strictEqual(new Set(tokens.map(signatureOf)).size, 2);
  for (const at of [0, 1_023, 1_024, 1_025]) strictEqual(verifyEnvelope(tokens[at]!, fresh()).claims.n, at + 1);
});

Deno.test("one draft gets a signature of its own, the same that signEnvelope makes", () => {
  const draft = draftEnvelope(eventFixture, keys.inventory);
  assertEquals(sealEnvelopes([draft], keys.inventory), [signEnvelope(eventFixture, keys.inventory).token]);
  assertEquals(sealEnvelopes([], keys.inventory), []);
});

Deno.test("an envelope of a batch is what it says: a command or an event", () => {
  const commands = [1, 2].map((n) => draftEnvelope({ ...commandFixture, jti: idOf(n) }, keys.orchestrator));
  const [, command] = sealEnvelopes(commands, keys.orchestrator) as [string, string];
  strictEqual(verifyEnvelope(command, { ...asInventory, keys: fresh().keys }).kind, "command");
  strictEqual(verifyEnvelope(batchOf(2).tokens[1]!, fresh()).kind, "event");
});

Deno.test("any JOSE library verifies the JWT of a batch, which follows from one of its envelopes", async () => {
  const { tokens, hashes } = batchOf(5);
  const { root } = merkleTree(hashes);
  const { kid } = keys.inventory;
  const jwt = `${batchSigningInput({ kid, root, size: 5 })}.${signatureOf(tokens[3]!)}`;
  const jwks = fixedKeyDirectory(keyFiles()).jwks().keys.map((key) => ({ ...key }));
  const { payload, protectedHeader } = await compactVerify(jwt, createLocalJWKSet({ keys: jwks }), {
    algorithms: ["Ed25519"],
  });
  assertEquals(JSON.parse(Buffer.from(payload).toString()), { root, size: 5 });
  assertEquals(protectedHeader, { alg: "Ed25519", kid, typ: "mesh-batch+jwt" });
});

Deno.test("an envelope of a batch with any bytes changed is refused, by whoever has seen the batch and who has not", () => {
  const { tokens } = batchOf(6);
  const seen = fresh();
  for (const token of tokens) verifyEnvelope(token, seen);
  const change = fc.record({
    at: fc.nat(tokens[0]!.length),
    cut: fc.nat(3),
    put: fc.oneof(
      fc.uint8Array({ maxLength: 3 }),
      fc.constantFrom(Buffer.from("~"), Buffer.from("0"), Buffer.alloc(0)),
    ),
  });
  fc.assert(
    fc.property(fc.nat(5), fc.array(change, { minLength: 1, maxLength: 3 }), (which, changes) => {
      const bytes = Buffer.from(tokens[which]!);
      let changed = bytes;
      for (const { at, cut, put } of changes) {
        changed = Buffer.concat([changed.subarray(0, at), put, changed.subarray(at + cut)]);
      }
      fc.pre(!changed.equals(bytes));
      for (const verifier of [seen, fresh()]) {
        throws(() => verifyEnvelope(changed, verifier), { code: "envelope.untrusted" });
      }
    }),
    { numRuns: 1000 },
  );
});

Deno.test("a place that names another size, index, or way is refused", () => {
  const { tokens } = batchOf(5);
  const [input, proof] = [tokens[1]!.slice(0, tokens[1]!.lastIndexOf(".")), tokens[1]!.split(".")[2]!];
  const [signature, , , path] = proof.split("~") as [string, string, string, string];
  const places: readonly (readonly [string, string])[] = [
    [`${signature}~1~6~${path}`, "bad-signature"],
    [`${signature}~2~5~${path}`, "bad-signature"],
    [`${signature}~01~5~${path}`, "malformed"],
    [`${signature}~1~05~${path}`, "malformed"],
    [`${signature}~5~5~${path}`, "malformed"],
    [`${signature}~0~1~`, "malformed"],
    [`${signature}~1~1025~${path}`, "malformed"],
    [`${signature}~1~5~${path}~`, "malformed"],
    [`${signature}~1~5`, "malformed"],
    [`${signature}~1~5~${path.slice(0, -1)}`, "bad-signature"],
    [`${signature}~1~5~${path}A`, "bad-signature"],
    [signature, "bad-signature"],
    [tokens[2]!.split(".")[2]!, "bad-signature"],
  ];
  const verifier = fresh();
  const refusesAll = () => {
    for (const [place, reason] of places) {
      throws(() => verifyEnvelope(`${input}.${place}`, verifier), { reason }, place);
    }
  };
  // Before the batch is known, and after.
  refusesAll();
  ok(verifyEnvelope(tokens[1]!, verifier));
  refusesAll();
});

Deno.test("a batch that another service signed proves nothing, however often it was seen", () => {
  const { tokens } = batchOf(3);
  const drafts = [1, 2].map((n) => draftEnvelope({ ...eventFixture, jti: idOf(n) }, keys.inventory));
  const verifier = fresh();
  ok(verifyEnvelope(tokens[0]!, verifier));
  for (const token of sealEnvelopes(drafts, keys.orchestrator)) {
    throws(() => verifyEnvelope(token, verifier), { reason: "bad-signature" });
  }
});

Deno.test("what was seen of a batch does not outlive its key", () => {
  const { tokens } = batchOf(3);
  let current = fixedKeyDirectory(keyFiles());
  const verifier = {
    ...asOrchestrator,
    keys: {
      find: (kid: string) => current.find(kid),
      jwks: () => current.jwks(),
      refresh: () => Promise.resolve(true),
    },
  };
  ok(verifyEnvelope(tokens[0]!, verifier));
  current = fixedKeyDirectory({});
  throws(() => verifyEnvelope(tokens[1]!, verifier), { reason: "unknown-key" });
});

/** @returns Two commands of 24 KiB under one signature. */
function bigCommands(batch: number): readonly string[] {
  const drafts = [1, 2].map((at) => {
    const message = {
      ...ReserveStock({ sku: "TEA-0001", units: 1, note: "n".repeat(16 * 1024) }),
      expiresAtMs: 1_767_226_200_000,
    };
    const claims = commandClaims({
      message,
      id: idOf(batch * 2 + at),
      service: "orchestrator",
      correlation: orderId,
      causation: idOf(0xff),
      nowMs: 1_767_225_600_000,
    });
    return draftEnvelope(claims, keys.orchestrator);
  });
  return sealEnvelopes(drafts, keys.orchestrator);
}

Deno.test("what is remembered of batches keeps none of their envelopes alive", () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage: () => void = runInNewContext("gc");
  const verifier = { ...asInventory, keys: fixedKeyDirectory(keyFiles()) };
  const verifyBatch = (batch: number) => bigCommands(batch).forEach((token) => verifyEnvelope(token, verifier));
  const usedBytes = () => {
    collectGarbage();
    return getHeapStatistics().used_heap_size;
  };
  verifyBatch(0);
  const before = usedBytes();
  for (let batch = 1; batch <= 100; batch += 1) verifyBatch(batch);
  const keptBytes = usedBytes() - before;
  ok(keptBytes < 500_000, `${keptBytes} bytes are kept of 100 batches with 4.8 MB of envelopes`);
});
