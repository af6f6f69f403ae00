import { deepStrictEqual as assertEquals, rejects as assertRejects } from "node:assert/strict";
import type { PeerClient } from "@mesh/runtime";
import { usersClient } from "./users_client.ts";

function clientOf(answer: () => Response) {
  const asked: { path: string; method: string; body: unknown; key: string | null }[] = [];
  const peers: PeerClient = {
    call: (_peer, path, init = {}) => {
      const { method = "GET", body } = init;
      const key = new Headers(init.headers).get("idempotency-key");
      asked.push({ path, method, body: body === undefined ? undefined : JSON.parse(String(body)), key });
      return Promise.resolve(answer());
    },
  };
  return { client: usersClient(peers), asked };
}

const problem = (
  status: number,
  type: string,
  more: Record<string, unknown> = {},
  headers: Record<string, string> = {},
) => Response.json({ type: `urn:jangteo:problem:${type}`, title: "No", status, ...more }, { status, headers });

Deno.test("a write is handed on with its key", async () => {
  const { client, asked } = clientOf(() =>
    Response.json({ addressRef: "0198d6f0-0000-7000-8000-0000000000a1" }, { status: 201 })
  );
  await client.addAddress("c", { city: "Seoul" }, "k1");
  assertEquals(asked, [{ path: "/v1/customers/c/addresses", method: "POST", body: { city: "Seoul" }, key: "k1" }]);
});

Deno.test("a refusal of what was asked passes on, with its places and its time", async () => {
  const errors = [{ pointer: "/password", detail: "too-short" }];
  await assertRejects(clientOf(() => problem(400, "invalid-request", { errors })).client.register({}), {
    name: "RefusalError",
    problem: { status: 400, type: "invalid-request", title: "No" },
    faults: errors,
  });
  const reused = clientOf(() => problem(422, "idempotency-key-reused"));
  await assertRejects(reused.client.addAddress("c", {}, "k1"), {
    problem: { status: 422, type: "idempotency-key-reused", title: "No" },
  });
  const throttled = clientOf(() => problem(429, "too-many-attempts", {}, { "retry-after": "30" }));
  await assertRejects(throttled.client.logIn({}), {
    problem: { status: 429, type: "too-many-attempts", title: "No", retryAfterSeconds: 30 },
  });
});

Deno.test("whatever else users answers counts as its being away", async () => {
  const answers: readonly (() => Response)[] = [
    () => problem(500, "internal"),
    () => problem(503, "unavailable"),
    () => problem(401, "unauthenticated"),
    () => problem(403, "not-allowed"),
    () => problem(415, "not-json"),
    () => new Response("<html>", { status: 400 }),
    () => new Response("not json"),
    () => Response.json({ accessToken: 1 }),
    () => Response.json({ type: "https://elsewhere.example/x", title: "No" }, { status: 400 }),
  ];
  for (const answer of answers) {
    await assertRejects(clientOf(answer).client.logIn({}), { code: "dependency.unavailable" });
  }
});

Deno.test("a private key never passes through the key set", async () => {
  const key = { kty: "OKP", crv: "Ed25519", x: "x", kid: "k", d: "secret" };
  assertEquals(await clientOf(() => Response.json({ keys: [key] })).client.readJwks(), {
    keys: [{ kty: "OKP", crv: "Ed25519", x: "x", kid: "k" }],
  });
});
