import { deepStrictEqual as assertEquals, rejects as assertRejects } from "node:assert/strict";
import { ManualClock } from "@mesh/base";
import {
  fixedKeyDirectory,
  generateSigningKey,
  type KeyDirectory,
  keyFile,
  type KeyStatus,
  type KnownKey,
  type PolicyIndex,
} from "@mesh/envelope";
import { callTokenIssuer, callTokenVerifier, verifyCallToken } from "./call_token.ts";

const gateway = generateSigningKey("gateway");

Deno.test("callTokenIssuer sends one token for half of its life, another to each callee", async () => {
  const { clock, issue } = open();
  const first = issue("users");
  assertEquals([issue("users") === first, issue("audit") === first], [true, false]);
  await clock.advance(29_999);
  assertEquals(issue("users"), first);
  await clock.advance(1);
  assertEquals(issue("users") === first, false);
});

Deno.test("callTokenVerifier names the caller, again and again, without another look at the signature", async () => {
  const { issue, verify, state } = open();
  const token = issue("users");
  assertEquals([await verify(token), await verify(token)], ["gateway", "gateway"]);
  assertEquals(state.signatureCount, 1);
});

Deno.test("callTokenVerifier refuses a token that it has seen, once it is too old", async () => {
  const { clock, issue, verify } = open();
  const token = issue("users");
  await verify(token);
  await clock.advance(90_000);
  await verify(token);
  await clock.advance(1_000);
  await assertRejects(verify(token), { code: "envelope.untrusted", reason: "expired" });
});

Deno.test("callTokenVerifier refuses a token that it has seen, once its key is retired or gone", async () => {
  const { issue, verify, state } = open();
  const token = issue("users");
  await verify(token);
  state.directory = directoryOf("retired");
  await assertRejects(verify(token), { reason: "key-retired" });
  state.directory = fixedKeyDirectory({});
  await assertRejects(verify(token), { reason: "unknown-key" });
  state.directory = directoryOf("active");
  assertEquals(await verify(token), "gateway");
});

Deno.test("callTokenVerifier refuses a token that it has seen, once the contracts allow the call no more", async () => {
  const { issue, verify, state } = open();
  const token = issue("users");
  await verify(token);
  state.isAllowed = false;
  await assertRejects(verify(token), { reason: "not-allowed" });
});

Deno.test("callTokenVerifier refuses mutations of a token that it has seen, and tokens for others", async () => {
  const { issue, verify } = open();
  const token = issue("users");
  await verify(token);
  for (let at = 0; at < token.length; at += 5) {
    const mutated = token.slice(0, at) + (token[at] === "A" ? "B" : "A") + token.slice(at + 1);
    await assertRejects(verify(mutated), { code: "envelope.untrusted" }, `character ${at}`);
  }
  for (const _ of [1, 2]) await assertRejects(verify(issue("audit")), { reason: "wrong-audience" });
  await assertRejects(verify("x".repeat(1_000_000)), { reason: "malformed" });
});

Deno.test("callTokenVerifier judges as verifyCallToken does", async () => {
  const { policy, issue, verify } = open();
  for (const token of [issue("users"), issue("audit"), "a.b.c", ""]) {
    const outcomes = await Promise.allSettled([verify(token), verifyCallToken(token, policy)]);
    const [cached, plain] = outcomes.map((each) => each.status === "fulfilled" ? each.value : each.reason.reason);
    assertEquals(cached, plain);
  }
});

function open() {
  const clock = new ManualClock();
  const state = { directory: directoryOf("active"), isAllowed: true, signatureCount: 0 };
  const counted = new WeakMap<KnownKey, KnownKey>();
  const keys: KeyDirectory = {
    find: (kid) => {
      const key = state.directory.find(kid);
      if (key === undefined) return undefined;
      if (!counted.has(key)) counted.set(key, countUses(key, () => state.signatureCount += 1));
      return counted.get(key);
    },
    jwks: () => state.directory.jwks(),
    refresh: () => state.directory.refresh(),
  };
  const policy = {
    service: "users",
    keys,
    policy: { mayCall: () => state.isAllowed } as unknown as PolicyIndex,
    clock,
  };
  return { clock, state, policy, issue: callTokenIssuer(gateway.key, clock), verify: callTokenVerifier(policy) };
}

/** The same key; says whenever somebody takes it to check a signature. */
function countUses(key: KnownKey, onUse: () => void): KnownKey {
  return {
    ...key,
    get publicKey() {
      onUse();
      return key.publicKey;
    },
  };
}

function directoryOf(status: KeyStatus): KeyDirectory {
  const { name, text } = keyFile("gateway", [{ jwk: gateway.publicJwk, status }]);
  return fixedKeyDirectory({ [name]: text });
}
