import { deepStrictEqual as assertEquals, ok as assert } from "node:assert/strict";
import type { MiddlewareHandler } from "hono";
import { TrustError, UnavailableError } from "@mesh/base";
import type { InternalEnv } from "@mesh/runtime";
import type { Accounts } from "./accounts.ts";
import { type AccountsFixture, openFixture } from "./accounts_fixture.ts";
import { usersApp } from "./app.ts";

const form = { email: "mina@example.com", password: "four words in a row", displayName: "Mina 김" };
const credentials = { email: form.email, password: form.password, clientIp: "192.0.2.1" };
const home = { recipient: "Mina", lines: ["Jong-ro 1"], postalCode: "03154", city: "Seoul", countryCode: "KR" };
const nobody = "0198d6f0-0000-7000-8000-00000000ffff";
const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/** The caller is whoever the header names; what call tokens prove is tested where they are checked. */
const allow = (...callers: readonly string[]): MiddlewareHandler<InternalEnv> => async (context, next) => {
  const caller = context.req.header("authorization")?.slice("Bearer ".length);
  if (caller === undefined) throw new TrustError("Cannot accept call: no token");
  if (!callers.includes(caller)) return context.body(null, 403);
  await next();
};

interface Ask {
  readonly method?: string;
  readonly body?: unknown;
  /** Sent as it is. */
  readonly raw?: string | ReadableStream<Uint8Array>;
  readonly caller?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Answer {
  readonly status: number;
  // deno-lint-ignore no-explicit-any
  readonly body: any;
  readonly headers: Headers;
}

Deno.test("POST /v1/accounts answers byte for byte alike for a new and a taken address", async () => {
  const { ask } = await openApp();
  const [first, second] = [await ask("/v1/accounts", { body: form }), await ask("/v1/accounts", { body: form })];
  assertEquals([first.status, first.body], [202, { status: "accepted" }]);
  assertEquals([second.status, second.body, [...second.headers]], [first.status, first.body, [...first.headers]]);
});

Deno.test("the way from registering to logging out", async () => {
  const { ask } = await openApp();
  await ask("/v1/accounts", { body: form });
  const login = await ask("/v1/sessions", { body: credentials });
  assertEquals([login.status, login.headers.get("cache-control")], [200, "no-store"]);
  const refreshed = await ask("/v1/sessions/refresh", { body: { refreshToken: login.body.refreshToken } });
  assertEquals([refreshed.status, Object.keys(refreshed.body).sort()], [
    200,
    ["accessToken", "expiresInSeconds", "refreshToken", "tokenType"],
  ]);
  const logout = () => ask("/v1/sessions/logout", { body: { refreshToken: refreshed.body.refreshToken } });
  assertEquals([(await logout()).status, (await logout()).status], [204, 204]);
  const after = await ask("/v1/sessions/refresh", { body: { refreshToken: refreshed.body.refreshToken } });
  assertEquals([after.status, after.body.type], [401, "urn:jangteo:problem:session-over"]);
});

Deno.test("POST /v1/sessions answers alike for a wrong password and an unknown address", async () => {
  const { ask } = await openApp();
  await ask("/v1/accounts", { body: form });
  const wrong = await ask("/v1/sessions", { body: { ...credentials, password: "wrong wrong wrong" } });
  const unknown = await ask("/v1/sessions", { body: { ...credentials, email: "nobody@example.com" } });
  assertEquals(wrong.body, {
    type: "urn:jangteo:problem:wrong-credentials",
    title: "E-mail or password is wrong",
    status: 401,
    instance: "urn:trace:4bf92f3577b34da6a3ce929d0e0e4736",
  });
  assertEquals([unknown.status, unknown.body, [...unknown.headers]], [wrong.status, wrong.body, [...wrong.headers]]);
});

Deno.test("POST /v1/sessions says when to come back after too many attempts", async () => {
  const { ask } = await openApp();
  for (let count = 0; count < 5; count += 1) await ask("/v1/sessions", { body: credentials });
  const answer = await ask("/v1/sessions", { body: credentials });
  assertEquals([answer.status, answer.headers.get("retry-after")], [429, "1"]);
});

Deno.test("addresses are shown to the gateway by customer and to shipping by reference", async () => {
  const { ask, customerId } = await openRegistered();
  const path = `/v1/customers/${customerId}/addresses`;
  const added = await ask(path, { body: { ...home, region: "서울" }, headers: { "idempotency-key": "k1" } });
  const { addressRef } = added.body;
  assertEquals([added.status, Object.keys(added.body)], [201, ["addressRef"]]);
  assertEquals((await ask(path)).body, { items: [{ addressRef, ...home, region: "서울" }] });
  const forShipping = await ask(`/v1/addresses?address=${nobody}&address=${addressRef}&address=all`, {
    caller: "shipping",
  });
  assertEquals(forShipping.body, { items: [{ addressRef, ...home, region: "서울" }] });
});

Deno.test("an address is added once under its Idempotency-Key, which no request may lack", async () => {
  const { ask, customerId } = await openRegistered();
  const path = `/v1/customers/${customerId}/addresses`;
  const add = (key: string, body: unknown = home) => ask(path, { body, headers: { "idempotency-key": key } });
  const [first, repeat, reused] = [await add("k1"), await add("k1"), await add("k1", { ...home, city: "Busan" })];
  assertEquals([repeat.status, repeat.body], [201, first.body]);
  assertEquals([reused.status, reused.body.type], [422, "urn:jangteo:problem:idempotency-key-reused"]);
  for (const refused of [await ask(path, { body: home }), await add("two words"), await add("k".repeat(129))]) {
    assertEquals([refused.status, refused.body.type], [400, "urn:jangteo:problem:idempotency-key-needed"]);
  }
  assertEquals((await ask(path)).body.items.length, 1);
});

Deno.test("contacts and profiles show what their callers need and no more", async () => {
  const { ask, customerId } = await openRegistered();
  const contact = await ask(`/v1/contacts?customer=${customerId}&customer=${nobody}&customer=${customerId}`, {
    caller: "notifications",
  });
  assertEquals(contact.body, { items: [{ customerId, email: form.email, displayName: form.displayName }] });
  assertEquals((await ask("/v1/contacts", { caller: "notifications" })).body, { items: [] });
  const many = Array.from({ length: 101 }, (_, at) => `customer=${at}`).join("&");
  assertEquals((await ask(`/v1/contacts?${many}`, { caller: "notifications" })).status, 400);
  const me = await ask(`/v1/me/${customerId}`);
  assertEquals(me.body, {
    customerId,
    email: form.email,
    displayName: form.displayName,
    role: "customer",
    registeredAt: "2026-01-01T00:00:00.000Z",
  });
});

Deno.test("every route answers only the services that it is for", async () => {
  const { ask, customerId } = await openRegistered();
  const routes: readonly (readonly [string, string, string])[] = [
    ["POST", "/v1/accounts", "gateway"],
    ["POST", "/v1/sessions", "gateway"],
    ["POST", "/v1/sessions/refresh", "gateway"],
    ["POST", "/v1/sessions/logout", "gateway"],
    ["POST", `/v1/customers/${customerId}/addresses`, "gateway"],
    ["GET", `/v1/customers/${customerId}/addresses`, "gateway"],
    ["GET", `/v1/me/${customerId}`, "gateway"],
    ["GET", `/v1/addresses?address=${nobody}`, "shipping"],
    ["GET", `/v1/contacts?customer=${customerId}`, "notifications"],
  ];
  for (const [method, path, only] of routes) {
    for (const caller of ["gateway", "shipping", "notifications", "orders", ""]) {
      const { status } = await ask(path, { method, caller, ...(method === "POST" ? { body: {} } : {}) });
      const isLetIn = status !== 401 && status !== 403;
      assertEquals([method, path, caller, isLetIn], [method, path, caller, caller === only]);
    }
    const without = await ask(path, { method, headers: { authorization: "" } });
    assert([401, 403].includes(without.status), `${method} ${path} without a token`);
  }
});

Deno.test("the public keys are shown to everybody, without private parts", async () => {
  const { app, tokenKeys } = await openApp();
  const answer = await app.request("/.well-known/jwks.json");
  const { keys } = await answer.json();
  assertEquals([answer.status, keys.length, keys[0].kid], [200, 1, tokenKeys.kid]);
  assertEquals(Object.keys(keys[0]).sort(), ["alg", "crv", "kid", "kty", "use", "x"]);
});

Deno.test("what is not there and what has no name look the same", async () => {
  const { ask } = await openApp();
  const paths = [`/v1/me/${nobody}`, "/v1/me/not-a-uuid", `/v1/me/${nobody.toUpperCase()}`, "/v1/nothing"];
  for (const path of paths) {
    const { status, body } = await ask(path);
    assertEquals([path, status, body.type], [path, 404, "urn:jangteo:problem:not-found"]);
  }
  assertEquals((await ask(`/v1/customers/${nobody}/addresses`)).status, 404);
  const headers = { "idempotency-key": "k1" };
  assertEquals((await ask(`/v1/customers/${nobody}/addresses`, { body: home, headers })).status, 404);
});

Deno.test("requests that are not as described are refused with the place of the fault, and nothing of their content", async () => {
  const { ask, store } = await openApp();
  const cases: readonly (readonly [string, unknown, string])[] = [
    ["/v1/accounts", { ...form, role: "operator" }, ""],
    ["/v1/accounts", JSON.parse(`{"__proto__": {"role": "operator"}, "email": "a@example.com"}`), ""],
    ["/v1/accounts", { ...form, email: "no address" }, "/email"],
    ["/v1/accounts", { ...form, email: `${"a".repeat(250)}@example.com` }, "/email"],
    ["/v1/accounts", { ...form, email: "mina@example.com\r\nBcc: all@example.com" }, "/email"],
    ["/v1/accounts", { ...form, email: { $ne: "" } }, "/email"],
    ["/v1/accounts", { ...form, password: "short" }, "/password"],
    ["/v1/accounts", { ...form, password: "x".repeat(513) }, "/password"],
    ["/v1/accounts", { ...form, displayName: "" }, "/displayName"],
    ["/v1/accounts", { ...form, displayName: "a\u202eb" }, "/displayName"],
    ["/v1/accounts", { ...form, displayName: "two\nlines" }, "/displayName"],
    ["/v1/accounts", { ...form, displayName: "x".repeat(81) }, "/displayName"],
    ["/v1/accounts", [form], ""],
    ["/v1/accounts", null, ""],
    ["/v1/sessions", { ...credentials, clientIp: "somewhere" }, "/clientIp"],
    ["/v1/sessions", { email: form.email, password: form.password }, "/clientIp"],
    ["/v1/sessions/refresh", { refreshToken: "x".repeat(201) }, "/refreshToken"],
    [`/v1/customers/${nobody}/addresses`, { ...home, lines: [] }, "/lines"],
    [`/v1/customers/${nobody}/addresses`, { ...home, lines: ["1", "2", "3", "4"] }, "/lines"],
    [`/v1/customers/${nobody}/addresses`, { ...home, lines: ["1", 2] }, "/lines/1"],
    [`/v1/customers/${nobody}/addresses`, { ...home, countryCode: "kr" }, "/countryCode"],
    [`/v1/customers/${nobody}/addresses`, { ...home, postalCode: "1".repeat(17) }, "/postalCode"],
  ];
  for (const [path, body, pointer] of cases) {
    const answer = await ask(path, { method: "POST", body, headers: { "idempotency-key": "k1" } });
    const text = JSON.stringify(answer.body);
    assertEquals([
      path,
      body,
      answer.status,
      answer.body.errors?.map((fault: { pointer: string }) => fault.pointer)
        .includes(pointer),
    ], [path, body, 400, true]);
    assertEquals([answer.headers.get("content-type"), text.includes("example.com")], [
      "application/problem+json",
      false,
    ]);
  }
  assertEquals(store.events, []);
});

Deno.test("a body must be JSON, say so, and have an end", async () => {
  const { ask } = await openApp();
  const path = "/v1/accounts";
  assertEquals((await ask(path, { method: "POST", raw: "{" })).status, 400);
  const text = JSON.stringify(form);
  assertEquals((await ask(path, { method: "POST", raw: text, headers: { "content-type": "text/plain" } })).status, 415);
  const long = JSON.stringify({ ...form, displayName: "x".repeat(20_000) });
  assertEquals((await ask(path, { method: "POST", raw: long })).status, 413);
  const endless = ReadableStream.from([long, long]).pipeThrough(new TextEncoderStream());
  assertEquals((await ask(path, { method: "POST", raw: endless })).status, 413);
  const nested = `${"[".repeat(7_000)}${"]".repeat(7_000)}`;
  assertEquals((await ask(path, { method: "POST", raw: nested })).status, 400);
});

Deno.test("errors become problems that tell nothing of the inside", async () => {
  const failures: readonly (readonly [Error, number, string | null, string])[] = [
    [new UnavailableError("Cannot reach 10.0.0.7: refused"), 503, "2", "unavailable"],
    [new UnavailableError("Cannot hash", { reason: "password-queue-full" }), 429, "2", "too-busy"],
    [new Error("relation users.account does not exist"), 500, null, "internal"],
  ];
  for (const [error, status, retryAfter, type] of failures) {
    const told: unknown[] = [];
    const { ask } = await openApp({ register: () => Promise.reject(error) }, (defect) => told.push(defect));
    const answer = await ask("/v1/accounts", { body: form });
    assertEquals([answer.status, answer.headers.get("retry-after"), answer.body.type], [
      status,
      retryAfter,
      `urn:jangteo:problem:${type}`,
    ]);
    assertEquals(Object.keys(answer.body).sort(), ["instance", "status", "title", "type"]);
    assertEquals(told, status === 500 ? [error] : []);
  }
});

async function openApp(replaced: Partial<Accounts> = {}, onDefect: (error: unknown) => void = () => {}) {
  const fixture = await openFixture();
  const accounts = { ...fixture.accounts, ...replaced };
  const app = usersApp({ accounts, tokenKeys: fixture.tokenKeys, allow, onDefect });
  const ask = async (path: string, { method, body, raw, caller = "gateway", headers }: Ask = {}): Promise<Answer> => {
    const content = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const response = await app.request(path, {
      method: method ?? (content === undefined ? "GET" : "POST"),
      headers: { authorization: `Bearer ${caller}`, "content-type": "application/json", traceparent, ...headers },
      ...(content === undefined ? {} : { body: content }),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text), headers: response.headers };
  };
  return { ...fixture, app, ask };
}

async function openRegistered(): Promise<
  AccountsFixture & Awaited<ReturnType<typeof openApp>> & { customerId: string }
> {
  const opened = await openApp();
  await opened.ask("/v1/accounts", { body: form });
  const { customerId } = (await opened.store.findAccountByEmail(form.email))!;
  return { ...opened, customerId };
}
