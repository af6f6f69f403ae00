import { Buffer } from "node:buffer";
import { commandClaims, eventClaims } from "./claims.ts";
import type { EnvelopeClaims } from "./envelope.ts";
import { hostileCases } from "./hostile/corpus.ts";
import { batchSigningInput } from "./header.ts";
import { merkleTree } from "./merkle.ts";
import { draftEnvelope, sealEnvelopes, signEnvelope } from "./sign.ts";
import type { SigningKey } from "./signing_key.ts";
import { commandFixture, eventFixture, idOf, keys, orderId, ReserveStock, StockReserved } from "./test_world.ts";

/** Attacks that any implementation can try on itself with nothing but the two keys. */
const publishedAttacks: ReadonlySet<string> = new Set([
  "algorithm none",
  "the ambiguous algorithm name EdDSA",
  "a critical extension",
  "unused bits set in the signature",
  "a signature with S + L",
  "claims in another order",
  "a doubled claim",
  "a float",
  "a member named __proto__",
  "a command without jti",
  "another actor's slot",
  "one service in another's name",
]);

/**
 * Computes the test vectors of the envelope, published as `docs/envelope-vectors.json` for other implementations.
 *
 * @returns Plain JSON: keys with their seeds, envelopes that must be accepted, envelopes that must be refused.
 */
export function envelopeVectors() {
  const first = accepted("an event that answers, first of its stream", eventFixture, keys.inventory);
  const second = accepted(
    "the stream's second event, chained to the first, answering nothing",
    secondEvent(first.hash),
    keys.inventory,
  );
  return {
    about: "Ed25519 (RFC 8032) over compact JWS (RFC 7515) with claims in canonical JSON (RFC 8785). " +
      "The hash is SHA-256 of a zero byte and the token up to its last dot, base64url. A seed is one byte, 32 times. " +
      "Envelopes of a batch share the signature of its JWT, whose root is that of the tree of RFC 9162 over their hashes.",
    keys: [describedKey(keys.inventory, "11"), describedKey(keys.orchestrator, "22")],
    accepted: [
      accepted("a command that expires, caused by a person", commandFixture, keys.orchestrator),
      first,
      second,
      accepted("a command that undoes another", undoingCommand(), keys.orchestrator),
    ],
    batches: [
      batch("two events of one stream", [eventFixture, secondEvent(first.hash)], keys.inventory),
      batch(
        "five commands",
        Array.from({ length: 5 }, (_, at) => ({ ...commandFixture, jti: idOf(at + 10) })),
        keys.orchestrator,
      ),
    ],
    refused: hostileCases.filter(({ name }) => publishedAttacks.has(name)).map(({ name, reason, token }) => ({
      name,
      reason,
      token,
    })),
  };
}

function secondEvent(prv: string): EnvelopeClaims {
  return eventClaims({
    message: StockReserved({ sku: "TEA-0001", units: 1 }),
    id: idOf(4),
    service: "inventory",
    correlation: "장터-😀",
    causation: null,
    nowMs: 1_767_225_602_000,
    n: 2,
    prv,
    re: [],
  });
}

function undoingCommand(): EnvelopeClaims {
  return commandClaims({
    message: { ...ReserveStock({ sku: "TEA-0001", units: 2 }), undoes: [idOf(1), idOf(3)] },
    id: idOf(5),
    service: "orchestrator",
    correlation: orderId,
    causation: idOf(2),
    nowMs: 1_767_225_603_000,
  });
}

function accepted(name: string, claims: EnvelopeClaims, key: SigningKey) {
  const { token, hash } = signEnvelope(claims, key);
  const [header, payload] = token.split(".").map((part) => Buffer.from(part, "base64url").toString());
  return { name, signer: key.service, header: header!, payload: payload!, token, bytes: token.length, hash };
}

function batch(name: string, claims: readonly EnvelopeClaims[], key: SigningKey) {
  const drafts = claims.map((each) => draftEnvelope(each, key));
  const hashes = drafts.map(({ hash }) => hash);
  const tokens = sealEnvelopes(drafts, key);
  const signature = tokens[0]!.slice(tokens[0]!.lastIndexOf(".") + 1).split("~")[0]!;
  const { root } = merkleTree(hashes);
  const jwt = `${batchSigningInput({ kid: key.kid, root, size: drafts.length })}.${signature}`;
  return { name, signer: key.service, root, jwt, envelopes: tokens.map((token, at) => ({ token, hash: hashes[at]! })) };
}

function describedKey({ service, kid, privateKey }: SigningKey, seedByteHex: string) {
  const { x } = privateKey.export({ format: "jwk" });
  return { service, seedByteHex, kid, jwk: { kty: "OKP", crv: "Ed25519", x } };
}
