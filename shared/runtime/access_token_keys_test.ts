import { deepStrictEqual as assertEquals, ok as assert, rejects as assertRejects } from "node:assert/strict";
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from "jose";
import { ManualClock } from "@mesh/base";
import { keysFromJwks, type RemoteKeys, remoteKeys } from "./access_token_keys.ts";

type Jwk = Readonly<Record<string, string>>;

const url = "http://users.internal/.well-known/jwks.json";
const [first, second] = [await makeJwk(), await makeJwk()];

Deno.test("keysFromJwks takes public Ed25519 keys under their thumbprints", async () => {
  const keys = await keysFromJwks({ keys: [first, second] });
  assertEquals([...keys.keys()], [first.kid, second.kid]);
});

Deno.test("keysFromJwks refuses a set that holds anything else", async () => {
  const sets: Readonly<Record<string, unknown>> = {
    "nothing": undefined,
    "no keys": { keys: [] },
    "another list": { items: [first] },
    "a member more": { keys: [first], issuer: "evil" },
    "a private key": { keys: [{ ...first, d: first.x }] },
    "a secret": { keys: [{ kty: "oct", k: first.x, kid: first.kid }] },
    "an RSA key": { keys: [{ kty: "RSA", n: "AQAB", e: "AQAB", kid: first.kid }] },
    "another curve": { keys: [{ ...first, crv: "X25519" }] },
    "another use": { keys: [{ ...first, use: "enc" }] },
    "another algorithm": { keys: [{ ...first, alg: "Ed25519" }] },
    "no kid": { keys: [{ kty: "OKP", crv: "Ed25519", x: first.x }] },
    "somebody else's kid": { keys: [{ ...first, kid: second.kid }] },
    "too many keys": { keys: new Array(17).fill(first) },
  };
  for (const [what, set] of Object.entries(sets)) {
    await assertRejects(keysFromJwks(set), { code: "envelope.untrusted", reason: "bad-key-set" }, what);
  }
});

Deno.test("remoteKeys fetches once for many tokens, at once and later", async () => {
  const { keys, requests } = open(() => jwksResponse(first));
  await Promise.all([1, 2, 3].map(() => keys.read(first.kid!)));
  await keys.read(first.kid!);
  assertEquals(requests, [url]);
});

Deno.test("remoteKeys goes on with what it knows while users is away, for an hour", async () => {
  let isAway = false;
  const { keys, clock, requests } = open(() => {
    if (isAway) throw new TypeError("connection refused");
    return jwksResponse(first);
  });
  await keys.read(first.kid!);
  isAway = true;
  for (let minute = 0; minute < 60; minute += 1) {
    await clock.advance(60_000);
    await keys.read(first.kid!);
  }
  assert(requests.length > 10, "it must have tried again and again");
  await clock.advance(1);
  await assertRejects(keys.read(first.kid!), { code: "dependency.unavailable", dependency: "users" });
  isAway = false;
  await clock.advance(5_000);
  await keys.read(first.kid!);
});

Deno.test("remoteKeys says unavailable, not unknown, while it has never seen any key", async () => {
  const { keys, requests } = open(() => new Response("starting", { status: 503 }));
  await assertRejects(keys.read(first.kid!), { code: "dependency.unavailable" });
  await assertRejects(keys.read(first.kid!), { code: "dependency.unavailable" });
  assertEquals(requests.length, 1);
});

Deno.test("remoteKeys learns of a new key at the first token that names it", async () => {
  const published = [first];
  const { keys, clock } = open(() => jwksResponse(...published));
  await keys.read(first.kid!);
  published.push(second);
  await clock.advance(5_000);
  await keys.read(second.kid!);
});

Deno.test("remoteKeys asks for unknown keys at most once in five seconds, whatever tokens say", async () => {
  const { keys, clock, requests } = open(() => jwksResponse(first));
  for (let count = 0; count < 100; count += 1) {
    await assertRejects(keys.read(`unknown-${count}`), { code: "envelope.untrusted", reason: "unknown-key" });
    await clock.advance(100);
  }
  assertEquals(requests.length, 2);
});

Deno.test("remoteKeys drops a key that is published no more", async () => {
  let published = [first, second];
  const { keys, clock } = open(() => jwksResponse(...published));
  await keys.read(first.kid!);
  published = [second];
  await clock.advance(300_001);
  // The token at hand still passes; the fetch that it sets off runs beside it.
  await keys.read(first.kid!);
  await keys.settled();
  await clock.advance(5_000);
  await assertRejects(keys.read(first.kid!), { reason: "unknown-key" });
});

Deno.test("remoteKeys keeps what it has when the answer is no key set", async () => {
  const spoilt = [
    () => new Response("<html>"),
    () => Response.json({ keys: [{ ...first, kid: second.kid }] }),
    () => new Response(`{"keys":[]}${" ".repeat(70_000)}`),
    () => Response.json({ keys: [second] }, { status: 404 }),
  ];
  const answers = [() => jwksResponse(first), ...spoilt];
  const { keys, clock, requests } = open(() => (answers.shift() ?? (() => jwksResponse(first)))());
  await keys.read(first.kid!);
  for (let count = 0; count < spoilt.length; count += 1) {
    await clock.advance(300_001);
    await keys.read(first.kid!);
    await keys.settled();
  }
  await keys.read(first.kid!);
  assertEquals(requests.length, 1 + spoilt.length);
});

Deno.test("remoteKeys gives up on a fetch after two seconds", async () => {
  const { keys, clock } = open((signal) =>
    new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
  );
  const read = keys.read(first.kid!).catch(({ code }) => code);
  await clock.advance(1_999);
  assertEquals(clock.waitingCount, 1);
  await clock.advance(1);
  assertEquals(await read, "dependency.unavailable");
});

interface Opened {
  readonly keys: RemoteKeys;
  readonly clock: ManualClock;
  readonly requests: readonly string[];
}

function open(answer: (signal: AbortSignal) => Response | Promise<Response>): Opened {
  const clock = new ManualClock();
  const requests: string[] = [];
  const fetch = async (asked: string, { signal, redirect }: RequestInit) => {
    assertEquals(redirect, "error");
    requests.push(asked);
    return await answer(signal!);
  };
  return { keys: remoteKeys({ url, clock, fetch }), clock, requests };
}

function jwksResponse(...keys: readonly Jwk[]): Response {
  return Response.json({ keys });
}

async function makeJwk(): Promise<Jwk> {
  const { publicKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  const { x } = await exportJWK(publicKey);
  const jwk = { kty: "OKP", crv: "Ed25519", x: x! };
  return { ...jwk, kid: await calculateJwkThumbprint(jwk), alg: "EdDSA", use: "sig" };
}
