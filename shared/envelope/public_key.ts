import { Buffer } from "node:buffer";
import { createPublicKey, type KeyObject } from "node:crypto";
import { ConfigError, sha256 } from "@mesh/base";
import { isBase64Url } from "./base64url.ts";

/** The public half of a key as published (RFC 8037). */
export interface PublicJwk {
  readonly kty: "OKP";
  readonly crv: "Ed25519";
  /** 32 bytes, base64url. */
  readonly x: string;
  /** RFC 7638 thumbprint. */
  readonly kid: string;
}

/** A public key ready to verify with. */
export interface PublicKey {
  readonly kid: string;
  readonly publicKey: KeyObject;
  readonly jwk: PublicJwk;
}

/**
 * Says what a key is called: the RFC 7638 SHA-256 thumbprint of its public JWK. It checks itself and cannot name two keys.
 *
 * @param x Public key, 32 bytes in base64url.
 * @returns base64url, 43 characters.
 *
 * @example The key of RFC 8037 A.3
 * ```ts
 * import { strictEqual as assertEquals } from "node:assert/strict";
 * import { thumbprint } from "@mesh/envelope";
 *
 * assertEquals(thumbprint("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
 * ```
 */
export function thumbprint(x: string): string {
  return sha256(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`);
}

/**
 * Imports a public key.
 *
 * @param jwk A public JWK; members it does not need are ignored, except that `kid` must be right where it is given.
 * @param owner Named in errors.
 * @throws {ConfigError} If it is no Ed25519 key, its `kid` is not its thumbprint, or the point has small order.
 */
export function publicKeyFromJwk(jwk: unknown, owner: string): PublicKey {
  const { kty, crv, x, kid } = (jwk ?? {}) as Readonly<Record<string, unknown>>;
  const refuse = (what: string): never => {
    throw new ConfigError(`Cannot read public key of "${owner}": ${what}`);
  };
  if (kty !== "OKP" || crv !== "Ed25519") return refuse("it is no Ed25519 JWK");
  if (typeof x !== "string" || x.length !== 43 || !isBase64Url(x)) return refuse('"x" is not 32 bytes in base64url');
  if (hasSmallOrder(x)) return refuse("its point has small order, so anybody could sign for it");
  const print = thumbprint(x);
  if (kid !== undefined && kid !== print) return refuse('"kid" is not its thumbprint');
  return {
    kid: print,
    publicKey: createPublicKey({ key: { kty, crv, x }, format: "jwk" }),
    jwk: { kty, crv, x, kid: print },
  };
}

/** `node:crypto` imports points of small order and then accepts signatures that nobody made. */
function hasSmallOrder(x: string): boolean {
  const point = Buffer.from(x, "base64url");
  point[31]! &= 0x7f;
  return smallOrderPoints.has(point.toString("hex"));
}

/**
 * The y coordinates of all points of order 1, 2, 4 and 8, with their non-canonical spellings, sign bit cleared.
 *
 * @see libsodium, `ge25519_has_small_order`
 */
const smallOrderPoints: ReadonlySet<string> = new Set([
  "00".repeat(32),
  "01" + "00".repeat(31),
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "ec" + "ff".repeat(30) + "7f",
  "ed" + "ff".repeat(30) + "7f",
  "ee" + "ff".repeat(30) + "7f",
]);
