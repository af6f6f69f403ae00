import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";

/**
 * Finds the JWT whose signature proves an envelope: the envelope itself, or the JWT of the batch that it was signed with,
 * which does not travel and is written again here from the envelope and its inclusion proof.
 *
 * Whoever verifies that JWT has verified the envelope's header and payload.
 *
 * @param envelope As stored.
 * @returns A compact JWS; `kid` in its header is the one in the envelope's.
 * @throws {TypeError} If the envelope's place in its batch cannot be read.
 *
 * @example
 * ```ts
 * import { strictEqual as assertEquals } from "node:assert/strict";
 * import { provableJwt } from "@mesh/cli";
 *
 * assertEquals(provableJwt("eyJhbGciOiJFZDI1NTE5In0.e30.AAAA"), "eyJhbGciOiJFZDI1NTE5In0.e30.AAAA");
 * ```
 * @see RFC 9162 2.1.3.2
 */
export function provableJwt(envelope: string): string {
  const [header = "", payload = "", proof = ""] = envelope.split(".");
  if (!proof.includes("~")) return envelope;
  const [signature = "", indexText, sizeText, path = ""] = proof.split("~");
  const [index, size] = [Number(indexText), Number(sizeText)];
  if (!Number.isInteger(index) || !Number.isInteger(size) || index < 0 || index >= size || size > 1024) {
    throw new TypeError("its place in its batch cannot be read");
  }
  let node = sha256(Buffer.from(`\0${header}.${payload}`));
  let used = 0;
  for (let at = index, width = size; width > 1; at >>= 1, width = (width + 1) >> 1) {
    // The last node of a level without a neighbour stands on the next level as it is.
    if ((at ^ 1) >= width) continue;
    const neighbour = Buffer.from(path.slice(used, used += 43), "base64url");
    const pair = at % 2 === 0 ? [node, neighbour] : [neighbour, node];
    node = sha256(Buffer.concat([Buffer.of(1), ...pair]));
  }
  if (used !== path.length) throw new TypeError("its inclusion proof is longer than its place asks for");
  const { kid } = JSON.parse(Buffer.from(header, "base64url").toString()) as { readonly kid: string };
  const parts = [
    JSON.stringify({ alg: "Ed25519", kid, typ: "mesh-batch+jwt" }),
    JSON.stringify({ root: node.toString("base64url"), size }),
  ];
  return [...parts.map((part) => Buffer.from(part).toString("base64url")), signature].join(".");
}

/**
 * Says what an envelope is known by: `prv` of the next event of its stream.
 *
 * @returns SHA-256 of a zero byte and what was signed, header and payload; base64url.
 */
export function contentHash(envelope: string): string {
  return sha256(Buffer.from(`\0${envelope.slice(0, envelope.lastIndexOf("."))}`)).toString("base64url");
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
