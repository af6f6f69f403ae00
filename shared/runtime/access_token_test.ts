import { deepStrictEqual as assertEquals, rejects as assertRejects, throws as assertThrows } from "node:assert/strict";
import { base64url, calculateJwkThumbprint, type CryptoKey, exportJWK, generateKeyPair, importJWK } from "jose";
import { ManualClock, sha256, UnavailableError } from "@mesh/base";
import { accessTokenVerifier, bearerToken } from "./access_token.ts";
import { fixedKeys } from "./access_token_keys.ts";

type Members = Readonly<Record<string, unknown>>;

const startMs = Date.UTC(2026, 0, 1);
const startSeconds = startMs / 1000;
const encoder = new TextEncoder();

const shop = await makeSigner();
const stranger = await makeSigner();
const meshKey = await makeSigner();
const rsa = await crypto.subtle.generateKey(
  { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" },
  false,
  ["sign", "verify"],
);

const header: Members = { alg: "EdDSA", typ: "at+jwt", kid: shop.kid };
const claims: Members = {
  iss: "https://shop.example",
  sub: "0198d6f0-0000-7000-8000-000000000001",
  aud: "shop",
  client_id: "storefront",
  scope: "shop staff",
  jti: "0198d6f0-0000-7000-8000-0000000000aa",
  iat: startSeconds,
  exp: startSeconds + 600,
};

Deno.test("accessTokenVerifier reads a good token", async () => {
  assertEquals(await verifierAt().verify(await sign(header, claims)), {
    subject: "0198d6f0-0000-7000-8000-000000000001",
    clientId: "storefront",
    scopes: new Set(["shop", "staff"]),
    tokenHash: sha256("0198d6f0-0000-7000-8000-0000000000aa"),
    expiresAtMs: startMs + 600_000,
  });
});

Deno.test("accessTokenVerifier takes a token to its last moment and not a moment longer", async () => {
  const token = await sign(header, claims);
  await verifierAt(599_999).verify(token);
  await assertRejects(verifierAt(600_000).verify(token), { code: "envelope.untrusted", reason: "expired" });
});

Deno.test("accessTokenVerifier forgives five seconds between two clocks, at the beginning only", async () => {
  const token = await sign(header, claims);
  await verifierAt(-5_000).verify(token);
  await assertRejects(verifierAt(-6_000).verify(token), { reason: "not-yet-valid" });
});

/** Every way in that we could think of: name, expected reason, token. */
const attacks: readonly (readonly [string, string, () => string | Promise<string>])[] = [
  // What is no compact JWS of ours.
  ["nothing", "malformed", () => ""],
  ["no token", "malformed", () => "Bearer"],
  ["two segments", "malformed", async () => (await good()).split(".").slice(0, 2).join(".")],
  ["four segments", "malformed", async () => `${await good()}.AAAA`],
  ["five segments (JWE)", "malformed", () => "a.b.c.d.e"],
  ["an empty signature", "malformed", async () => `${(await good()).split(".").slice(0, 2).join(".")}.`],
  ["an empty payload", "malformed", async () => swap(await good(), 1, "")],
  ["an empty header", "malformed", async () => swap(await good(), 0, "")],
  ["the general JSON form", "malformed", () => JSON.stringify({ payload: "", signatures: [] })],
  ["padding", "malformed", async () => `${await good()}==`],
  ["a space in front", "malformed", async () => ` ${await good()}`],
  ["a line break behind", "malformed", async () => `${await good()}\n`],
  ["the other base64 alphabet", "malformed", async () => swap(await good(), 2, `${"+/".repeat(43)}`)],
  ["bits that decoding ignores", "malformed", async () => withTrailingBits(await good())],
  ["a megabyte", "malformed", async () => swap(await good(), 1, "A".repeat(1_048_576))],
  ["a header that is no JSON", "malformed", async () => swap(await good(), 0, encode("{alg:none}"))],
  [
    "a header that is no UTF-8",
    "malformed",
    async () => swap(await good(), 0, base64url.encode(new Uint8Array([0xff]))),
  ],
  ["a header with a BOM", "malformed", async () => swap(await good(), 0, encode(`\ufeff${JSON.stringify(header)}`))],
  ["a header ten thousand deep", "malformed", async () => swap(await good(), 0, encode("[".repeat(10_000)))],

  // Algorithms.
  ["alg none without signature", "malformed", () => `${encode({ ...header, alg: "none" })}.${encode(claims)}.`],
  ["alg none with a signature", "wrong-header", () => sign({ ...header, alg: "none" }, claims)],
  ["alg None", "wrong-header", () => sign({ ...header, alg: "None" }, claims)],
  ["alg NONE", "wrong-header", () => sign({ ...header, alg: "NONE" }, claims)],
  ["no alg", "wrong-header", () => sign({ typ: "at+jwt", kid: shop.kid }, claims)],
  [
    "HS256 with the public key as secret",
    "wrong-header",
    () => signHmac({ ...header, alg: "HS256" }, shop.publicBytes),
  ],
  ["EdDSA in name, HMAC in fact", "bad-signature", () => signHmac(header, shop.publicBytes)],
  ["RS256 with a key of one's own", "wrong-header", () => signRsa({ ...header, alg: "RS256" })],
  ["EdDSA in name, RSA in fact", "bad-signature", () => signRsa(header)],
  ["ES256", "wrong-header", () => sign({ ...header, alg: "ES256" }, claims)],
  ["Ed25519, the name of the mesh's own signatures", "wrong-header", () => sign({ ...header, alg: "Ed25519" }, claims)],
  ["alg as a list", "wrong-header", () => sign({ ...header, alg: ["EdDSA", "none"] }, claims)],
  ["alg twice", "wrong-header", () => signRaw(withDuplicate(header, "alg", "none"), claims)],
  ["kid twice", "wrong-header", () => signRaw(withDuplicate(header, "kid", stranger.kid), claims)],

  // Header members that choose keys or change rules.
  ["jwk", "wrong-header", () => sign({ ...header, jwk: stranger.jwk }, claims, stranger)],
  ["jku", "wrong-header", () => sign({ ...header, jku: "https://evil.example/jwks.json" }, claims, stranger)],
  ["x5u", "wrong-header", () => sign({ ...header, x5u: "https://evil.example/cert.pem" }, claims, stranger)],
  ["x5c", "wrong-header", () => sign({ ...header, x5c: ["MIIB"] }, claims, stranger)],
  ["crit", "wrong-header", () => sign({ ...header, crit: ["exp"] }, claims)],
  ["b64 false", "wrong-header", () => sign({ ...header, b64: false, crit: ["b64"] }, claims)],
  ["zip", "wrong-header", () => sign({ ...header, zip: "DEF" }, claims)],
  ["cty JWT", "wrong-header", () => sign({ ...header, cty: "JWT" }, claims)],
  [
    "__proto__",
    "wrong-header",
    () => signRaw(JSON.stringify(header).replace("}", ',"__proto__":{"alg":"none"}}'), claims),
  ],

  // Keys.
  ["no kid", "wrong-header", () => sign({ alg: "EdDSA", typ: "at+jwt" }, claims)],
  ["a kid that is a path", "wrong-header", () => sign({ ...header, kid: "../../etc/passwd" }, claims)],
  ["a kid that is SQL", "wrong-header", () => sign({ ...header, kid: "' or 1=1 --" }, claims)],
  ["an unknown kid", "unknown-key", () => sign({ ...header, kid: stranger.kid }, claims, stranger)],
  ["a kid of prototypes", "unknown-key", () => sign({ ...header, kid: "constructor".padEnd(43, "_") }, claims)],
  ["a known kid and another key", "bad-signature", () => sign(header, claims, stranger)],
  ["a key of the mesh", "unknown-key", () => sign({ ...header, kid: meshKey.kid }, claims, meshKey)],

  // Other tokens of ours.
  ["a mesh event", "wrong-header", () => sign({ ...header, alg: "Ed25519", typ: "mesh-event+jwt" }, claims)],
  ["a mesh call", "wrong-header", () => sign({ ...header, typ: "mesh-call+jwt" }, claims)],
  ["an ID token", "wrong-header", () => sign({ ...header, typ: "JWT" }, claims)],
  ["no typ", "wrong-header", () => sign({ alg: "EdDSA", kid: shop.kid }, claims)],
  ["typ in capitals", "wrong-header", () => sign({ ...header, typ: "AT+JWT" }, claims)],

  // Signatures.
  [
    "a payload changed after signing",
    "bad-signature",
    async () => swap(await good(), 1, encode({ ...claims, scope: "operator" })),
  ],
  ["a header changed after signing", "bad-signature", () => withOtherHeader()],
  ["a signature of zeros", "bad-signature", async () => swap(await good(), 2, base64url.encode(new Uint8Array(64)))],
  ["a short signature", "bad-signature", async () => swap(await good(), 2, base64url.encode(new Uint8Array(32)))],
  ["a signature plus the group order", "bad-signature", async () => withOrderAdded(await good())],
  [
    "a signature of another token",
    "bad-signature",
    async () => swap(await good(), 2, (await sign(header, { ...claims, scope: "operator" })).split(".")[2]!),
  ],

  // Claims.
  ["expired", "expired", () => sign(header, { ...claims, iat: startSeconds - 700, exp: startSeconds - 100 })],
  ["no exp", "bad-claims", () => sign(header, without("exp"))],
  ["exp as a string", "bad-claims", () => sign(header, { ...claims, exp: `${startSeconds + 600}` })],
  [
    "exp as 1e400",
    "bad-claims",
    () => signRaw(JSON.stringify(header), JSON.stringify(claims).replace(/"exp":\d+/, '"exp":1e400')),
  ],
  ["exp in milliseconds", "bad-claims", () => sign(header, { ...claims, exp: startMs + 600_000 })],
  ["a life of a year", "bad-claims", () => sign(header, { ...claims, exp: startSeconds + 31_536_000 })],
  ["a life of eleven minutes", "bad-claims", () => sign(header, { ...claims, exp: startSeconds + 660 })],
  ["no iat", "bad-claims", () => sign(header, without("iat"))],
  ["iat in the future", "not-yet-valid", () => sign(header, { ...claims, iat: startSeconds + 60 })],
  ["iat as a fraction", "bad-claims", () => sign(header, { ...claims, iat: startSeconds - 0.5 })],
  ["a foreign issuer", "wrong-issuer", () => sign(header, { ...claims, iss: "https://evil.example" })],
  ["an issuer with a slash more", "wrong-issuer", () => sign(header, { ...claims, iss: "https://shop.example/" })],
  ["no issuer", "wrong-issuer", () => sign(header, without("iss"))],
  ["a foreign audience", "wrong-audience", () => sign(header, { ...claims, aud: "mesh" })],
  ["many audiences, ours among them", "bad-claims", () => sign(header, { ...claims, aud: ["evil", "shop"] })],
  ["no audience", "wrong-audience", () => sign(header, without("aud"))],
  ["no subject", "bad-claims", () => sign(header, without("sub"))],
  ["a subject that is no pseudonym", "bad-claims", () => sign(header, { ...claims, sub: "mina@example.com" })],
  ["a subject in capitals", "bad-claims", () => sign(header, { ...claims, sub: `${claims.sub}`.replace("d", "D") })],
  ["no client", "bad-claims", () => sign(header, without("client_id"))],
  ["no scope", "bad-claims", () => sign(header, without("scope"))],
  ["scope as a list", "bad-claims", () => sign(header, { ...claims, scope: ["operator"] })],
  ["scope with two spaces", "bad-claims", () => sign(header, { ...claims, scope: "shop  operator" })],
  ["no jti", "bad-claims", () => sign(header, without("jti"))],
  ["a claim nobody knows", "bad-claims", () => sign(header, { ...claims, role: "operator" })],
  ["nbf", "bad-claims", () => sign(header, { ...claims, nbf: startSeconds - 1 })],
  ["claims that are a list", "malformed", () => signRaw(JSON.stringify(header), "[]")],
  ["claims that are no JSON", "malformed", () => signRaw(JSON.stringify(header), "{]")],
];

for (const [name, reason, make] of attacks) {
  Deno.test(`accessTokenVerifier refuses ${name}`, async () => {
    const [token, verifier] = [await make(), verifierAt()];
    // Alone, then with its good twin known, then once more.
    for (const isTwinKnown of [false, true, true]) {
      if (isTwinKnown) await verifier.verify(await good());
      await assertRejects(verifier.verify(token), (error: Error & { code?: string; reason?: string }) => {
        assertEquals([error.code, error.reason], ["envelope.untrusted", reason]);
        assertEquals(token.length > 20 && error.message.includes(token), false);
        return true;
      });
    }
  });
}

Deno.test("accessTokenVerifier checks the signature of a token once, and whether its key is the one each time", async () => {
  const { verifier, state } = changingVerifier();
  const token = await good();
  const first = await verifier.verify(token);
  assertEquals([await verifier.verify(token) === first, Object.isFrozen(first)], [true, true]);
  // The same key, fetched again, is another object: the token is proven again, and it is good again.
  state.key = await copyOf(shop.publicKey);
  assertEquals([await verifier.verify(token) === first, state.readCount], [false, 4]);
});

Deno.test("accessTokenVerifier refuses a token that it has seen, once it has expired", async () => {
  const clock = new ManualClock(startMs);
  const verifier = accessTokenVerifier({ ...policyAt(), clock });
  const token = await good();
  await verifier.verify(token);
  await clock.advance(599_999);
  await verifier.verify(token);
  await clock.advance(1);
  await assertRejects(verifier.verify(token), { code: "envelope.untrusted", reason: "expired" });
});

Deno.test("accessTokenVerifier refuses a token that it has seen, once its key is gone or another", async () => {
  const { verifier, state } = changingVerifier();
  const token = await good();
  await verifier.verify(token);
  state.key = stranger.publicKey;
  await assertRejects(verifier.verify(token), { code: "envelope.untrusted", reason: "bad-signature" });
  state.key = undefined;
  await assertRejects(verifier.verify(token), { code: "envelope.untrusted", reason: "unknown-key" });
  state.key = shop.publicKey;
  await verifier.verify(token);
});

Deno.test("accessTokenVerifier refuses a token that it has seen while the clock says that it was not issued yet", async () => {
  const late = { nowMs: startMs };
  const verifier = accessTokenVerifier({ ...policyAt(), clock: { nowMs: () => late.nowMs } });
  const token = await good();
  await verifier.verify(token);
  late.nowMs = startMs - 6_000;
  await assertRejects(verifier.verify(token), { reason: "not-yet-valid" });
});

Deno.test("accessTokenVerifier refuses every mutation of a token that it has seen", async () => {
  const verifier = verifierAt();
  const token = await good();
  await verifier.verify(token);
  for (let at = 0; at < token.length; at += 7) {
    const other = token[at] === "A" ? "B" : "A";
    const mutated = token.slice(0, at) + other + token.slice(at + 1);
    await assertRejects(verifier.verify(mutated), { code: "envelope.untrusted" }, `character ${at}`);
  }
  for (const mutated of [`${token}=`, ` ${token}`, token.slice(0, -1), token.toUpperCase()]) {
    await assertRejects(verifier.verify(mutated), { code: "envelope.untrusted" });
  }
});

Deno.test("accessTokenVerifier does not take an outage for a refusal", async () => {
  const away = new UnavailableError("Cannot fetch keys: away");
  const verifier = accessTokenVerifier({ ...policyAt(), keys: { read: () => Promise.reject(away) } });
  await assertRejects(verifier.verify(await good()), { code: "dependency.unavailable" });
});

Deno.test("bearerToken takes one credential of the right scheme and nothing else", () => {
  assertEquals(["Bearer abc.d-e_f.ghi", "bearer abc"].map(bearerToken), ["abc.d-e_f.ghi", "abc"]);
  const others = [undefined, "", "Bearer", "Bearer ", "Basic abc", "Bearer a b", "Bearer a, Bearer b", "xBearer a"];
  for (const header of others) assertThrows(() => bearerToken(header), { reason: "no-token" });
});

interface Signer {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  readonly publicBytes: Uint8Array<ArrayBuffer>;
  readonly jwk: Members;
}

async function makeSigner(): Promise<Signer> {
  const { privateKey, publicKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  const { x } = await exportJWK(publicKey);
  const jwk = { kty: "OKP", crv: "Ed25519", x: x! };
  const publicBytes = new Uint8Array(base64url.decode(x!));
  return { kid: await calculateJwkThumbprint(jwk), privateKey, publicKey, publicBytes, jwk };
}

function policyAt(offsetMs = 0) {
  return {
    issuer: "https://shop.example",
    audience: "shop",
    keys: fixedKeys(new Map([[shop.kid, shop.publicKey]])),
    clock: new ManualClock(startMs + offsetMs),
  };
}

/** A verifier whose only key can be exchanged or taken away. */
function changingVerifier() {
  const state = { key: shop.publicKey as CryptoKey | undefined, readCount: 0 };
  const read = (kid: string) => {
    state.readCount += 1;
    return fixedKeys(new Map(state.key === undefined ? [] : [[shop.kid, state.key]])).read(kid);
  };
  return { state, verifier: accessTokenVerifier({ ...policyAt(), keys: { read } }) };
}

async function copyOf(key: CryptoKey): Promise<CryptoKey> {
  return await importJWK({ ...await exportJWK(key) }, "EdDSA") as CryptoKey;
}

function verifierAt(offsetMs = 0) {
  return accessTokenVerifier(policyAt(offsetMs));
}

function good(): Promise<string> {
  return sign(header, claims);
}

function sign(protectedHeader: Members, payload: Members, signer = shop): Promise<string> {
  return signRaw(JSON.stringify(protectedHeader), JSON.stringify(payload), signer);
}

/** Two declarations of the same type meet where Node's are loaded, too. */
type SubtleKey = Parameters<typeof crypto.subtle.sign>[1];

async function signRaw(headerText: string, payload: string | Members, { privateKey } = shop): Promise<string> {
  const body = `${encode(headerText)}.${encode(payload)}`;
  const signature = await crypto.subtle.sign("Ed25519", privateKey as unknown as SubtleKey, encoder.encode(body));
  return `${body}.${base64url.encode(new Uint8Array(signature))}`;
}

async function signHmac(protectedHeader: Members, secret: Uint8Array<ArrayBuffer>): Promise<string> {
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const body = `${encode(protectedHeader)}.${encode(claims)}`;
  return `${body}.${base64url.encode(new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(body))))}`;
}

async function signRsa(protectedHeader: Members): Promise<string> {
  const body = `${encode(protectedHeader)}.${encode(claims)}`;
  const signature = await crypto.subtle.sign("RSASSA-PKCS1-v1_5", rsa.privateKey, encoder.encode(body));
  return `${body}.${base64url.encode(new Uint8Array(signature))}`;
}

function encode(value: string | Members): string {
  return base64url.encode(typeof value === "string" ? value : JSON.stringify(value));
}

function swap(token: string, at: number, segment: string): string {
  return token.split(".").with(at, segment).join(".");
}

function without(claim: string): Members {
  return Object.fromEntries(Object.entries(claims).filter(([name]) => name !== claim));
}

function withDuplicate(members: Members, name: string, value: string): string {
  return JSON.stringify(members).replace("{", `{"${name}":"${value}",`);
}

/** The last character of a 64-byte signature holds four bits that mean nothing. */
function withTrailingBits(token: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return token.slice(0, -1) + alphabet[alphabet.indexOf(token.at(-1)!) + 1];
}

/** The same token under a header that says the same in other bytes. */
async function withOtherHeader(): Promise<string> {
  const { alg, typ, kid } = header;
  return swap(await good(), 0, encode(JSON.stringify({ kid, typ, alg })));
}

/** S and S + L satisfy the same equation; only one of them is a signature (RFC 8032 5.1.7). */
function withOrderAdded(token: string): string {
  const signature = base64url.decode(token.split(".")[2]!);
  let carry = 0n;
  let order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const malleable = signature.map((byte, at) => {
    if (at < 32) return byte;
    const sum = BigInt(byte) + (order & 255n) + carry;
    order >>= 8n;
    carry = sum >> 8n;
    return Number(sum & 255n);
  });
  return swap(token, 2, base64url.encode(malleable));
}
