/**
 * Hashes bytes with MurmurHash3, the x86 32-bit variant.
 *
 * @param bytes What to hash.
 * @param seed An unsigned 32-bit integer.
 * @param length How many of the bytes to hash, from the first; all by default.
 * @returns An unsigned 32-bit integer.
 * @see Austin Appleby, smhasher, MurmurHash3_x86_32
 */
export function murmur3(bytes: Uint8Array, seed = 0, length = bytes.length): number {
  const blockEnd = length - (length % 4);
  let hash = seed;
  for (let at = 0; at < blockEnd; at += 4) {
    const block = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    hash = Math.imul(rotateLeft(hash ^ scramble(block), 13), 5) + 0xe6546b64 | 0;
  }
  let tail = 0;
  for (let at = length - 1; at >= blockEnd; at -= 1) tail = (tail << 8) | bytes[at]!;
  hash ^= scramble(tail) ^ length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function scramble(block: number): number {
  return Math.imul(rotateLeft(Math.imul(block, 0xcc9e2d51), 15), 0x1b873593);
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
