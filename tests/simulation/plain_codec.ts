/**
 * Stands in for `shared/envelope/codec.ts` while many schedules are played: an envelope is its hash, and what it says is
 * kept in memory. `simulation_map.json` puts it there.
 *
 * Whatever is checked of claims is checked; what is left out is the form: canonical JSON, base64url, the Merkle tree and
 * Ed25519, which do not depend on what goes wrong around them. A token that nobody has sealed here is read by the real
 * codec, which refuses it.
 *
 * @module
 */
import { ContractError, invariant } from "@mesh/base";
import { envelopeBytesMax, type EnvelopeClaims, type KeyDirectory, type SigningKey } from "@mesh/envelope";
import * as real from "@mesh/envelope/codec";
import { ClaimsHashes, hashDigits } from "./claims_hash.ts";

export {
  type EnvelopeDraft,
  findClaimFault,
  type ProvenEnvelope,
  refuse,
  type SignedEnvelope,
} from "@mesh/envelope/codec";

interface Sealed {
  readonly claims: EnvelopeClaims;
  readonly kid: string;
  readonly hash: string;
}

const sealed = new Map<string, Sealed>();
const hashes = new ClaimsHashes();
let isPlain = false;

/** Forgets all envelopes, and says in which form they are written from now on. */
export function beginEnvelopes(form: "plain" | "real"): void {
  sealed.clear();
  hashes.clear();
  isPlain = form === "plain";
}

/** A draft that knows what it says. */
interface PlainDraft extends real.EnvelopeDraft {
  readonly claims?: EnvelopeClaims;
}

/** As the real one; the hash is none that anybody else could compute. */
export function draftEnvelope(claims: EnvelopeClaims, key: SigningKey): PlainDraft {
  if (!isPlain) return real.draftEnvelope(claims, key);
  invariant(claims.iss === key.service, `Cannot sign as "${claims.iss}": the key belongs to "${key.service}"`);
  const fault = real.findClaimFault(claims, claims.n === undefined ? "command" : "event");
  if (fault !== undefined) throw new ContractError(`Cannot sign "${claims.evt}": ${fault}`, { reason: "bad-claims" });
  const hash = hashes.of(claims, lengthMax);
  return hash === undefined ? real.draftEnvelope(claims, key) : { signed: hash, hash, claims };
}

/** As the real one, without the batch. */
export function sealEnvelopes(drafts: readonly PlainDraft[], key: SigningKey): readonly string[] {
  return isPlain ? drafts.map((draft) => seal(draft, key)) : real.sealEnvelopes(drafts, key);
}

function seal(draft: PlainDraft, key: SigningKey): string {
  const { signed, hash, claims } = draft;
  if (claims === undefined) return real.sealEnvelopes([draft], key)[0]!;
  const token = `${key.service}.${signed.slice(-hashDigits)}.plain`;
  sealed.set(token, { claims, kid: key.kid, hash });
  return token;
}

/** As the real one. */
export function signEnvelope(claims: EnvelopeClaims, key: SigningKey): real.SignedEnvelope {
  const draft = draftEnvelope(claims, key);
  return { token: sealEnvelopes([draft], key)[0]!, hash: draft.hash };
}

/** As the real one; what was sealed here needs no proof but that its key is known. */
export function proveEnvelope(body: Uint8Array | string, keys: KeyDirectory): real.ProvenEnvelope {
  if (!isPlain) return real.proveEnvelope(body, keys);
  const token = typeof body === "string" ? body : textOf(body);
  const found = sealed.get(token);
  if (found === undefined) return real.proveEnvelope(body, keys);
  const { claims, kid, hash } = found;
  const signer = keys.find(kid);
  if (signer === undefined) return real.refuse("unknown-key", `no service is known to own key "${kid}"`);
  return { token, hash, kid, kind: claims.n === undefined ? "command" : "event", signer, claims };
}

/** As the real one. */
export function envelopeHash(token: string): string {
  return sealed.get(token)?.hash ?? real.envelopeHash(token);
}

/** As the real one. */
export function unprovenClaims(token: string): unknown {
  return sealed.get(token)?.claims ?? real.unprovenClaims(token);
}

/** Handed over as a list: spreading the bytes, one by one, takes five times as long. */
function textOf(body: Uint8Array): string {
  return body.length > tokenLengthMax ? "" : String.fromCharCode.apply(null, body as unknown as number[]);
}

/** Data of so many characters fit into an envelope, whatever their form; of longer ones the real codec says. */
const lengthMax = envelopeBytesMax / 2;
/** A service's name, the digits of a hash and a few letters are shorter. */
const tokenLengthMax = 100;
