import {
  calculateJwkThumbprint,
  CompactSign,
  compactVerify,
  type CryptoKey,
  exportJWK,
  generateKeyPair,
  importJWK,
} from "jose";
import { z } from "zod";
import { ConfigError } from "@mesh/base";

/** A public key as `/.well-known/jwks.json` shows it. */
export interface PublicTokenKey {
  readonly kty: "OKP";
  readonly crv: "Ed25519";
  readonly x: string;
  /** Thumbprint (RFC 7638). */
  readonly kid: string;
  readonly alg: "EdDSA";
  readonly use: "sig";
}

/** The keys of access tokens: one signs, all are published. */
export interface TokenKeys {
  readonly kid: string;
  readonly signingKey: CryptoKey;
  readonly published: { readonly keys: readonly PublicTokenKey[] };
}

/**
 * Reads a key file: a JWKS in which exactly one key is private (it signs) and any number are public (the next one and the
 * retired ones), or that one private JWK alone.
 *
 * Rotation by overlap: add the next key's public part everywhere first; when every verifier has had time to fetch it (5
 * minutes), let it sign and keep the old one's public part; drop that when its last tokens have ended (10 minutes).
 *
 * @param text Content of the file.
 * @throws {ConfigError} If it is anything else; the text never repeats the file's content.
 */
export async function readTokenKeys(text: string): Promise<TokenKeys> {
  const jwks = parseFile(text);
  const signing = jwks.filter(({ d }) => d !== undefined);
  if (signing.length !== 1) {
    throw new ConfigError(`Cannot read token keys: exactly one key must be private, found ${signing.length}`);
  }
  const published = await Promise.all(jwks.map(publicPart));
  if (new Set(published.map(({ kid }) => kid)).size !== published.length) {
    throw new ConfigError("Cannot read token keys: one key is there twice");
  }
  const { kid } = await publicPart(signing[0]!);
  return { kid, signingKey: await signingKeyOf(signing[0]!), published: { keys: published } };
}

/**
 * Makes the content of a first key file, for whoever provisions the service.
 *
 * @returns A JWKS with one private key.
 *
 * @example
 * ```ts
 * import { strictEqual as assertEquals } from "node:assert/strict";
 * import { makeTokenKeyFile, readTokenKeys } from "./token_keys.ts";
 *
 * const { kid, published } = await readTokenKeys(await makeTokenKeyFile());
 * assertEquals(published.keys[0]?.kid, kid);
 * ```
 */
export async function makeTokenKeyFile(): Promise<string> {
  const { privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  const { x, d } = FileKey.parse(await exportJWK(privateKey));
  const kid = await calculateJwkThumbprint({ kty: "OKP", crv: "Ed25519", x });
  return `${
    JSON.stringify({ keys: [{ kty: "OKP", crv: "Ed25519", x, d, kid, alg: "EdDSA", use: "sig" }] }, null, 2)
  }\n`;
}

async function signingKeyOf({ x, d }: FileKey): Promise<CryptoKey> {
  try {
    const [privateKey, publicKey] = await Promise.all([
      importJWK({ kty: "OKP", crv: "Ed25519", x, d: d! }, "EdDSA"),
      importJWK({ kty: "OKP", crv: "Ed25519", x }, "EdDSA"),
    ]);
    // Importing does not compare the halves; tokens of a mixed pair would be refused by everybody, hours later.
    const sample = await new CompactSign(new Uint8Array(1)).setProtectedHeader({ alg: "EdDSA" }).sign(privateKey);
    await compactVerify(sample, publicKey, { algorithms: ["EdDSA"] });
    return privateKey as CryptoKey;
  } catch {
    throw new ConfigError("Cannot read token keys: the private key does not belong to its public part");
  }
}

async function publicPart({ x, kid }: FileKey): Promise<PublicTokenKey> {
  const thumbprint = await calculateJwkThumbprint({ kty: "OKP", crv: "Ed25519", x });
  if (kid !== undefined && kid !== thumbprint) {
    throw new ConfigError("Cannot read token keys: a kid is not its key's thumbprint");
  }
  return { kty: "OKP", crv: "Ed25519", x, kid: thumbprint, alg: "EdDSA", use: "sig" };
}

function parseFile(text: string): readonly FileKey[] {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw new ConfigError("Cannot read token keys: the file is no JSON");
  }
  const parsed = KeyFile.safeParse(content);
  if (!parsed.success) throw new ConfigError("Cannot read token keys: the file holds no set of Ed25519 keys");
  return "keys" in parsed.data ? parsed.data.keys : [parsed.data];
}

const Coordinate = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
const FileKey = z.object({
  kty: z.literal("OKP"),
  crv: z.literal("Ed25519"),
  x: Coordinate,
  d: Coordinate.optional(),
  kid: z.string().optional(),
});
type FileKey = z.output<typeof FileKey>;
const KeyFile = z.union([z.object({ keys: z.array(FileKey).min(1).max(16) }), FileKey]);
