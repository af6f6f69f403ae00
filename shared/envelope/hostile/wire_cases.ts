import { Buffer } from "node:buffer";
import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import {
  commandHeader,
  encoded,
  goodCommand,
  goodHeader,
  goodPayload,
  goodSignature,
  headed,
  type HostileCase,
  reordered,
} from "./forge.ts";

/** Attacks on the token's form. */
export const formCases: readonly HostileCase[] = [
  { name: "an empty body", reason: "malformed", token: "" },
  { name: "text that is no token", reason: "malformed", token: '{"sku":"TEA-0001"}' },
  { name: "two parts", reason: "malformed", token: `${goodHeader}.${goodPayload}` },
  { name: "four parts", reason: "malformed", token: `${goodCommand}.AAAA` },
  { name: "five parts, as a JWE has", reason: "malformed", token: `${goodCommand}.AAAA.AAAA` },
  { name: "an empty header", reason: "malformed", token: `.${goodPayload}.${goodSignature}` },
  { name: "an empty payload (detached)", reason: "malformed", token: `${goodHeader}..${goodSignature}` },
  { name: "an empty signature", reason: "malformed", token: `${goodHeader}.${goodPayload}.` },
  { name: "padding", reason: "malformed", token: `${goodCommand}==` },
  { name: "a line break at the end", reason: "malformed", token: `${goodCommand}\n` },
  { name: "a space in front", reason: "malformed", token: ` ${goodCommand}` },
  {
    name: "the alphabet of plain base64",
    reason: "malformed",
    token: `${goodHeader}.${goodPayload}.+/${goodSignature.slice(2)}`,
  },
  { name: "unused bits set in the signature", reason: "malformed", token: withTrailingBits(goodCommand) },
  { name: "a byte order mark", reason: "malformed", token: Buffer.from(`\ufeff${goodCommand}`) },
  {
    name: "bytes beyond ASCII",
    reason: "malformed",
    token: Buffer.concat([Buffer.from([0xff]), Buffer.from(goodCommand)]),
  },
  { name: "a zero byte at the end", reason: "malformed", token: `${goodCommand}\0` },
  { name: "a megabyte", reason: "oversized", token: "A".repeat(1 << 20) },
  { name: "one byte more than 48 KiB", reason: "oversized", token: "A".repeat(48 * 1024 + 1) },
  {
    name: "the JSON serialisation of a JWS",
    reason: "malformed",
    token: JSON.stringify({ payload: goodPayload, signatures: [] }),
  },
];

const header = JSON.parse(commandHeader) as Record<string, unknown>;
const changedHeader = (patch: Record<string, unknown>) => headed(JSON.stringify({ ...header, ...patch }));

/** Attacks by the header. */
export const headerCases: readonly HostileCase[] = [
  ...["none", "None", "NONE", "nOnE"].map((alg): HostileCase => ({
    name: `algorithm ${alg}`,
    reason: "wrong-header",
    token: `${encoded(JSON.stringify({ ...header, alg }))}.${goodPayload}.${goodSignature}`,
  })),
  { name: "HS256 with the public key as secret", reason: "wrong-header", token: hmacSigned() },
  { name: "the ambiguous algorithm name EdDSA", reason: "wrong-header", token: changedHeader({ alg: "EdDSA" }) },
  { name: "the algorithm in lower case", reason: "wrong-header", token: changedHeader({ alg: "ed25519" }) },
  { name: "ES256", reason: "wrong-header", token: ellipticSigned() },
  { name: "RS256", reason: "wrong-header", token: changedHeader({ alg: "RS256" }) },
  { name: "no algorithm", reason: "wrong-header", token: changedHeader({ alg: undefined }) },
  { name: "no key id", reason: "wrong-header", token: changedHeader({ kid: undefined }) },
  { name: "no type", reason: "wrong-header", token: changedHeader({ typ: undefined }) },
  { name: "an access token", reason: "wrong-header", token: changedHeader({ typ: "at+jwt" }) },
  { name: "a call token of the mesh", reason: "wrong-header", token: changedHeader({ typ: "mesh-call+jwt" }) },
  {
    name: "the type of a reply, which does not exist",
    reason: "wrong-header",
    token: changedHeader({ typ: "mesh-reply+jwt" }),
  },
  { name: "the plain type JWT", reason: "wrong-header", token: changedHeader({ typ: "JWT" }) },
  { name: "a critical extension", reason: "wrong-header", token: changedHeader({ crit: ["b64"], b64: false }) },
  { name: "an unencoded payload", reason: "wrong-header", token: changedHeader({ b64: false }) },
  { name: "compression", reason: "wrong-header", token: changedHeader({ zip: "DEF" }) },
  { name: "a key of its own", reason: "wrong-header", token: changedHeader({ jwk: { kty: "OKP" } }) },
  { name: "a key address", reason: "wrong-header", token: changedHeader({ jku: "https://keys.example/set" }) },
  { name: "a certificate chain", reason: "wrong-header", token: changedHeader({ x5c: ["MIIB"] }) },
  { name: "a certificate address", reason: "wrong-header", token: changedHeader({ x5u: "https://keys.example/c" }) },
  { name: "a key id that is a path", reason: "wrong-header", token: changedHeader({ kid: "../../../../dev/null" }) },
  { name: "a key id that is SQL", reason: "wrong-header", token: changedHeader({ kid: "' OR 1=1 --" }) },
  { name: "a doubled algorithm", reason: "wrong-header", token: headed(commandHeader.replace("{", '{"alg":"none",')) },
  { name: "header members in another order", reason: "wrong-header", token: headed(reordered(commandHeader)) },
  { name: "white space in the header", reason: "wrong-header", token: headed(commandHeader.replace(",", ", ")) },
  { name: "a header that is an array", reason: "wrong-header", token: headed("[]") },
];

function withTrailingBits(token: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return token.slice(0, -1) + alphabet[alphabet.indexOf(token.at(-1)!) + 1]!;
}

function hmacSigned(): string {
  const secret = String(JSON.parse(commandHeader).kid);
  const signed = `${encoded(JSON.stringify({ ...header, alg: "HS256" }))}.${goodPayload}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

function ellipticSigned(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const signed = `${encoded(JSON.stringify({ ...header, alg: "ES256" }))}.${goodPayload}`;
  const signature = sign("sha256", Buffer.from(signed), { key: privateKey, dsaEncoding: "ieee-p1363" });
  return `${signed}.${signature.toString("base64url")}`;
}
