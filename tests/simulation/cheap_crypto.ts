/**
 * Stands in for `node:crypto` where envelopes are signed and verified, while many schedules are played: a keyed hash in
 * the place of Ed25519. Everything else is the real module. `simulation_map.json` puts it there.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { type KeyObject, sign as signReally, verify as verifyReally } from "node:crypto";
import { murmur3 } from "@mesh/base";

// deno-lint-ignore mesh/no-export-star
export * from "node:crypto";

/** Which signatures are made and checked from now on. */
export const signatures = { areReal: true };

/** Number of a key pair, the same for both of its halves. */
const seedOfKey = new WeakMap<KeyObject, number>();

/** As `crypto.sign`, for Ed25519 keys. */
export function sign(algorithm: null, data: Uint8Array, key: KeyObject): Buffer {
  if (signatures.areReal) return signReally(algorithm, data, key);
  const signature = Buffer.alloc(64);
  signature.writeUInt32LE(murmur3(data, seedOf(key)), 0);
  return signature;
}

/** As `crypto.verify`, for Ed25519 keys. */
// deno-lint-ignore mesh/parameter-count
export function verify(algorithm: null, data: Uint8Array, key: KeyObject, signature: Uint8Array): boolean {
  if (signatures.areReal) return verifyReally(algorithm, data, key, signature);
  const found = signature[0]! | signature[1]! << 8 | signature[2]! << 16 | signature[3]! << 24;
  return signature.length === 64 && murmur3(data, seedOf(key)) === found >>> 0;
}

function seedOf(key: KeyObject): number {
  let seed = seedOfKey.get(key);
  if (seed === undefined) {
    seed = murmur3(Buffer.from(key.export({ format: "jwk" }).x!));
    seedOfKey.set(key, seed);
  }
  return seed;
}
