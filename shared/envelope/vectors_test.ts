import { Buffer } from "node:buffer";
import { createPrivateKey, sign } from "node:crypto";
import { deepStrictEqual as assertEquals, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { compactVerify, createLocalJWKSet, importJWK } from "jose";
import { sha256 } from "@mesh/base";
import published from "../../docs/envelope-vectors.json" with { type: "json" };
import { fixedKeyDirectory, thumbprint, verifyEnvelope } from "./mod.ts";
import { asAuditor, asInventory, keyFiles } from "./test_world.ts";
import { envelopeVectors } from "./vectors.ts";

const seedOf = new Map(published.keys.map(({ service, seedByteHex }) => [service, Number.parseInt(seedByteHex, 16)]));
const jwkOf = new Map(published.keys.map(({ service, jwk }) => [service, jwk]));

Deno.test("the published vectors are those that this code computes", () => {
  assertEquals(JSON.parse(JSON.stringify(envelopeVectors())), published);
});

Deno.test("the vectors' key ids are the thumbprints of their keys", () => {
  assertEquals(published.keys.map(({ jwk }) => thumbprint(jwk.x)), published.keys.map(({ kid }) => kid));
});

for (const { name, signer, header, payload, token, bytes, hash } of published.accepted) {
  Deno.test(`the bytes of the vector "${name}" follow from seed, header and payload by bare cryptography`, () => {
    const d = Buffer.alloc(32, seedOf.get(signer)).toString("base64url");
    const key = createPrivateKey({ key: { ...jwkOf.get(signer)!, d }, format: "jwk" });
    const signed = `${Buffer.from(header).toString("base64url")}.${Buffer.from(payload).toString("base64url")}`;
    const computed = `${signed}.${sign(null, Buffer.from(signed), key).toString("base64url")}`;
    assertEquals([computed, computed.length, sha256(`\0${signed}`)], [token, bytes, hash]);
  });

  Deno.test(`jose verifies the vector "${name}"`, async () => {
    const key = await importJWK(jwkOf.get(signer)!, "Ed25519");
    const { payload: bytesVerified, protectedHeader } = await compactVerify(token, key, { algorithms: ["Ed25519"] });
    assertEquals([Buffer.from(bytesVerified).toString(), protectedHeader], [payload, JSON.parse(header)]);
  });

  Deno.test(`verifyEnvelope accepts the vector "${name}"`, () => {
    strictEqual(verifyEnvelope(token, asAuditor).hash, hash);
  });
}

for (const { name, root, jwt, envelopes } of published.batches) {
  Deno.test(`the envelopes of the batch "${name}" lead to its JWT, which jose verifies`, async () => {
    const keySet = createLocalJWKSet({ keys: fixedKeyDirectory(keyFiles()).jwks().keys.map((key) => ({ ...key })) });
    const { payload } = await compactVerify(jwt, keySet, { algorithms: ["Ed25519"] });
    assertEquals(JSON.parse(Buffer.from(payload).toString()), { root, size: envelopes.length });
    for (const { token, hash } of envelopes) {
      strictEqual(sha256(`\0${token.slice(0, token.lastIndexOf("."))}`), hash);
      strictEqual(verifyEnvelope(token, asAuditor).hash, hash);
    }
  });
}

for (const { name, reason, token } of published.refused) {
  Deno.test(`verifyEnvelope refuses the published attack "${name}"`, () => {
    throws(() => verifyEnvelope(token, asInventory), { reason });
  });
}

Deno.test("jose verifies an envelope with the key set that the mesh publishes, and refuses a changed one", async () => {
  const keySet = createLocalJWKSet({ keys: fixedKeyDirectory(keyFiles()).jwks().keys.map((key) => ({ ...key })) });
  const { token } = published.accepted[0]!;
  const options = { algorithms: ["Ed25519"] };
  const { protectedHeader } = await compactVerify(token, keySet, options);
  ok(published.keys.some(({ kid }) => kid === protectedHeader.kid));
  const [header, , signature] = token.split(".");
  await rejects(compactVerify(`${header}.e30.${signature}`, keySet, options), {
    code: "ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
  });
});
