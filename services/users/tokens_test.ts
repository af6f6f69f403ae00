import { deepStrictEqual as assertEquals, match } from "node:assert/strict";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { ManualClock, sequentialIds } from "@mesh/base";
import { roles } from "./contract.ts";
import { fixtureTokens } from "./accounts_fixture.ts";
import { makeTokenKeyFile, readTokenKeys } from "./token_keys.ts";
import { accessTokenIssuer, drawRefreshToken, hashRefreshToken, scopeOfRole, sessionLifeOf } from "./tokens.ts";

const customerId = "0198d6f0-0000-7000-8000-000000000001";

Deno.test("accessTokenIssuer issues what RFC 9068 asks for, and nothing personal", async () => {
  const keys = await readTokenKeys(await makeTokenKeyFile());
  const issuer = accessTokenIssuer({
    ...fixtureTokens,
    keys,
    clock: new ManualClock(Date.UTC(2026, 0, 1) + 999),
    ids: sequentialIds(),
  });
  const token = await issuer.issue(customerId, "staff");
  const iat = Date.UTC(2026, 0, 1) / 1000;
  assertEquals(decodeProtectedHeader(token), { alg: "EdDSA", typ: "at+jwt", kid: keys.kid });
  assertEquals(decodeJwt(token), {
    iss: "https://shop.example",
    aud: "shop",
    sub: customerId,
    client_id: "storefront",
    scope: "shop staff",
    jti: sequentialIds().next(),
    iat,
    exp: iat + 600,
  });
});

Deno.test("scopeOfRole gives every role what it needs and no more", () => {
  assertEquals(roles.map((role) => scopeOfRole[role]), ["shop", "shop staff", "audit", "operator"]);
});

Deno.test("sessionLifeOf lets customers stay for weeks and others for a working day", () => {
  const hours = roles.map(sessionLifeOf).map(({ idleMs, wholeMs }) => [idleMs / 3_600_000, wholeMs / 3_600_000]);
  assertEquals(hours, [[168, 720], [1, 12], [1, 12], [1, 12]]);
});

Deno.test("drawRefreshToken makes 256 bits of chance, of which only a hash is shown", () => {
  const token = drawRefreshToken((count) => new Uint8Array(count).fill(255));
  match(token, /^_{42}8$/);
  match(hashRefreshToken(token), /^[A-Za-z0-9_-]{43}$/);
});
