import { verify } from "node:crypto";
import { InFlightMap } from "@mesh/base";
import { ownCopy } from "./base64url.ts";
import { batchSigningInput } from "./header.ts";
import type { KeyDirectory, KnownKey } from "./key_directory.ts";
import { KnownTree } from "./merkle.ts";
import { asciiBytes, type BatchPlace, type TokenBytes } from "./token.ts";

/** @returns Whether an envelope's own signature holds. */
export function holdsItself({ signed, signature }: TokenBytes, { publicKey }: KnownKey): boolean {
  // Length first: what the library makes of another length is its own affair.
  return signature.length === 64 && verify(null, signed, publicKey, signature);
}

/** Who signed, and in which directory it was found: what is known of a batch is known for that one. */
export interface KnownSigner {
  readonly signer: KnownKey;
  readonly keys: KeyDirectory;
}

/**
 * Says whether the signature of a batch holds and covers this envelope.
 *
 * The signature is verified with the batch's first envelope; for the next ones the tree is known, and they are compared
 * with it. A signature is as good as a name for what was signed: without the private key nobody finds a second root for
 * it.
 */
export function holdsInBatch(bytes: TokenBytes, place: BatchPlace, { signer, keys }: KnownSigner): boolean {
  const { signatureText, index, size, path } = place;
  const batches = batchesOf(keys);
  const known = batches.get(signatureText);
  if (known !== undefined && known.signer === signer && known.size === size) {
    return known.tree.has(bytes.hash, index, path, never);
  }
  const tree = new KnownTree(size);
  const { kid, publicKey } = signer;
  const isRoot = (root: string) =>
    bytes.signature.length === 64 &&
    verify(null, asciiBytes(batchSigningInput({ kid, root, size })), publicKey, bytes.signature);
  if (!tree.has(bytes.hash, index, path, isRoot)) return false;
  if (batches.size >= batchesMax) batches.delete(batches.keys().next().value!);
  batches.set(ownCopy(signatureText), { signer, size, tree });
  return true;
}

interface ProvenBatch {
  readonly signer: KnownKey;
  readonly size: number;
  readonly tree: KnownTree;
}

function batchesOf(keys: KeyDirectory): InFlightMap<string, ProvenBatch> {
  const found = provenBatches.get(keys) ?? new InFlightMap<string, ProvenBatch>();
  provenBatches.set(keys, found);
  return found;
}

function never(): boolean {
  return false;
}

/** The last so many: envelopes of one batch come close together, in a queue as in a feed. */
const batchesMax = 256;
const provenBatches = new WeakMap<KeyDirectory, InFlightMap<string, ProvenBatch>>();
