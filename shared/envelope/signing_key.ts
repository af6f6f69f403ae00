import { Buffer } from "node:buffer";
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto";
import type { MessageKind } from "@mesh/contract";
import { ConfigError } from "@mesh/base";
import { isBase64Url } from "./base64url.ts";
import { encodedHeader } from "./header.ts";
import { type PublicJwk, publicKeyFromJwk, thumbprint } from "./public_key.ts";

/** A service's private key, ready to sign. Held in memory only; never logged, never sent. */
export interface SigningKey {
  /** The service that owns the key: `iss` of what it signs. */
  readonly service: string;
  /** RFC 7638 thumbprint. */
  readonly kid: string;
  readonly privateKey: KeyObject;
  /** Protected headers, base64url; constant for a key. */
  readonly headers: Readonly<Record<MessageKind, string>>;
}

/** A new key in all its forms. */
export interface GeneratedKey {
  readonly key: SigningKey;
  /** JSON text for a file that only the service can read. */
  readonly privateJwk: string;
  /** For the service's entry in the key directory. */
  readonly publicJwk: PublicJwk;
}

/**
 * Reads a service's private key.
 *
 * @param service Its owner.
 * @param jwkText A private JWK (RFC 8037: `kty` OKP, `crv` Ed25519, `x`, `d`) as JSON text.
 * @throws {ConfigError} If it is no such key, or `x` does not belong to `d`. The message never quotes the text.
 */
export function signingKeyFromJwk(service: string, jwkText: string): SigningKey {
  const jwk = parsePrivateJwk(service, jwkText);
  const { publicKey } = publicKeyFromJwk(jwk, service);
  const privateKey = createPrivateKey({ key: { ...jwk }, format: "jwk" });
  // The import ignores `x`; a key whose halves differ would sign what nobody can verify.
  const probe = Buffer.from(service);
  if (!verify(null, probe, publicKey, sign(null, probe, privateKey))) {
    throw new ConfigError(`Cannot read signing key of "${service}": its public half belongs to another key`);
  }
  const kid = thumbprint(jwk.x);
  return Object.freeze({
    service,
    kid,
    privateKey,
    headers: Object.freeze({ command: encodedHeader(kid, "command"), event: encodedHeader(kid, "event") }),
  });
}

/**
 * Makes a new key from the system's randomness.
 *
 * @param service Its owner.
 * @returns The key, its private JWK to be stored, its public JWK to be published.
 */
export function generateSigningKey(service: string): GeneratedKey {
  const { d, x } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  const privateJwk = JSON.stringify({ kty: "OKP", crv: "Ed25519", x, d });
  const key = signingKeyFromJwk(service, privateJwk);
  return { key, privateJwk, publicJwk: { kty: "OKP", crv: "Ed25519", x: x!, kid: key.kid } };
}

interface PrivateJwk {
  readonly kty: "OKP";
  readonly crv: "Ed25519";
  readonly x: string;
  readonly d: string;
}

function parsePrivateJwk(service: string, text: string): PrivateJwk {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // The parser's message would quote the secret.
    throw new ConfigError(`Cannot read signing key of "${service}": it is not JSON`);
  }
  const { kty, crv, x, d } = (parsed ?? {}) as Readonly<Record<string, unknown>>;
  const isKey = kty === "OKP" && crv === "Ed25519" && isKeyBytes(x) && isKeyBytes(d);
  if (!isKey) throw new ConfigError(`Cannot read signing key of "${service}": it is no private Ed25519 JWK`);
  return { kty, crv, x, d };
}

function isKeyBytes(value: unknown): value is string {
  return typeof value === "string" && value.length === 43 && isBase64Url(value);
}
