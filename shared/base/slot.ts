import { murmur3 } from "./murmur3.ts";

/** Slots that keys are spread over; frozen, because it is part of every routing key. */
export const slotCount = 64;

/**
 * Says which slot a key belongs to, the same on every machine and in every version.
 *
 * @param key An actor key or a correlation; any string.
 * @returns A whole number from 0 to 63: MurmurHash3 (x86, 32 bit, seed 0) of the UTF-8 bytes, modulo 64.
 *
 * @example The published vectors
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { slotOf } from "@mesh/base";
 *
 * assertEquals(["", "hello", "TEA-0001", "장터"].map(slotOf), [0, 7, 27, 60]);
 * ```
 */
export function slotOf(key: string): number {
  const { length } = key;
  const bytes = length <= keyLengthKept ? scratch : new Uint8Array(length * bytesPerUnit);
  // Nearly all keys are ASCII, which is its own UTF-8: no call out of the language is made for them.
  for (let at = 0; at < length; at += 1) {
    const unit = key.charCodeAt(at);
    if (unit > 0x7f) return murmur3(bytes, 0, encoder.encodeInto(key, bytes).written) % slotCount;
    bytes[at] = unit;
  }
  return murmur3(bytes, 0, length) % slotCount;
}

const encoder = new TextEncoder();
/** UTF-8 needs at most three bytes for a UTF-16 code unit. */
const bytesPerUnit = 3;
/** The longest key or correlation that an envelope can carry. */
const keyLengthKept = 200;
/** Holds the bytes of one key while it is hashed: every message asks for a slot or two, and an array each costs more. */
const scratch = new Uint8Array(keyLengthKept * bytesPerUnit);
