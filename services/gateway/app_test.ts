import { deepStrictEqual as assertEquals, ok as assert } from "node:assert/strict";
import { UnavailableError } from "@mesh/base";
import published from "../../docs/openapi.json" with { type: "json" };
import { openGateway } from "./gateway_fixture.ts";
import { bodyBytesMax, bodyDepthMax } from "./middleware/body_guard.ts";
import { answerWithinMs } from "./middleware/request_deadline.ts";
import { openapiDocument } from "./openapi_document.ts";
import { readAnswer } from "./routes/answered_fixture.ts";
import { stock } from "./samples_fixture.ts";

const login = { email: "mina@example.com", password: "right" };

Deno.test("the published document is the one that the routes make", async () => {
  const { app } = await openGateway();
  assertEquals(JSON.parse(JSON.stringify(openapiDocument(app))), published);
});

Deno.test("the document is OpenAPI 3.1 and refers to nothing that is not in it", async () => {
  const { ask } = await openGateway();
  const document = await (await ask("/openapi.json")).json();
  assertEquals(document.openapi, "3.1.0");
  const schemas = Object.keys(document.components.schemas);
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)];
  assertEquals(references.map(([, name]) => name!).filter((name) => !schemas.includes(name)), []);
  const ids = Object.values(document.paths as Record<string, Record<string, { operationId: string }>>)
    .flatMap((methods) => Object.values(methods).map(({ operationId }) => operationId));
  assertEquals(new Set(ids).size, ids.length);
});

Deno.test("every answer carries the headers that keep browsers from mischief", async () => {
  const { ask } = await openGateway();
  for (const path of ["/", "/v1/products", "/v1/orders", "/nowhere"]) {
    const { headers } = await ask(path);
    assertEquals(
      ["x-content-type-options", "x-frame-options", "referrer-policy", "content-security-policy"].map((name) =>
        headers.get(name)
      ),
      ["nosniff", "DENY", "no-referrer", "default-src 'none'; frame-ancestors 'none'"],
    );
  }
});

Deno.test("the API's page loads nothing from elsewhere", async () => {
  const { ask } = await openGateway();
  const page = await ask("/docs");
  const html = await page.text();
  assert(!/(src|href)="(https?:)?\/\//.test(html));
  assert(!/<script>|style="/.test(html));
  const policy = page.headers.get("content-security-policy") ?? "";
  assert(policy.startsWith("default-src 'none'; script-src 'self'; style-src 'self'"));
  assert(!policy.includes("unsafe"));
  for (const [, path] of html.matchAll(/(?:src|href)="([^"]+)"/g)) {
    const file = await ask(path!);
    assertEquals([file.status, (await file.text()).length > 100], [200, true]);
  }
});

Deno.test("browsers' pages of other origins may not read answers, listed ones may", async () => {
  const { ask } = await openGateway({ CORS_ORIGINS: "https://shop.example" });
  const allowed = async (origin: string) =>
    (await ask("/v1/products", { headers: { origin } })).headers.get("access-control-allow-origin");
  assertEquals([await allowed("https://shop.example"), await allowed("https://evil.example")], [
    "https://shop.example",
    null,
  ]);
  const preflight = await ask("/v1/orders", {
    method: "OPTIONS",
    headers: { origin: "https://shop.example", "access-control-request-method": "POST" },
  });
  assertEquals([preflight.status, preflight.headers.get("access-control-allow-origin")], [204, "https://shop.example"]);
});

Deno.test("methods that nobody needs are refused by name", async () => {
  const { app } = await openGateway();
  for (const method of ["TRACE", "CONNECT", "PATCH", "PROPFIND"]) {
    const request = new Request("http://shop.test/v1/products");
    // The standard forbids to make such a request; the listener passes them on all the same.
    const hostile = new Proxy(request, {
      get: (target, name) => {
        if (name === "method") return method;
        const value = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const response = await app.fetch(hostile);
    assertEquals([response.status, response.headers.get("allow")?.includes("TRACE")], [405, false]);
  }
});

Deno.test("what is nowhere is a problem document", async () => {
  const { ask } = await openGateway();
  const { status, body, headers } = await readAnswer(
    await ask("/nowhere", { headers: { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" } }),
  );
  assertEquals([status, headers.get("content-type"), body], [404, "application/problem+json", {
    type: "urn:jangteo:problem:not-found",
    title: "There is nothing here",
    status: 404,
    instance: "urn:trace:4bf92f3577b34da6a3ce929d0e0e4736",
  }]);
});

Deno.test("bodies that are too large, too deep, no JSON or poisoned never reach a schema", async () => {
  const { ask } = await openGateway();
  const problemOf = async (raw: string, headers: Record<string, string> = {}) => {
    const { status, body } = await readAnswer(await ask("/v1/sessions", { raw, headers }));
    return [
      status,
      body.type.split(":").at(-1),
      ...(body.errors ?? []).map(({ pointer }: { pointer: string }) => pointer),
    ];
  };
  assertEquals(await problemOf(JSON.stringify({ email: "x".repeat(bodyBytesMax) })), [413, "too-large"]);
  assertEquals(await problemOf("["), [400, "invalid-request", ""]);
  assertEquals(await problemOf(""), [400, "invalid-request"]);
  assertEquals(await problemOf("a=b", { "content-type": "application/x-www-form-urlencoded" }), [415, "not-json"]);
  assertEquals(await problemOf("[".repeat(bodyDepthMax + 1) + "]".repeat(bodyDepthMax + 1)), [
    400,
    "invalid-request",
    "",
  ]);
  assertEquals(await problemOf("[".repeat(30_000) + "]".repeat(30_000)), [400, "invalid-request", ""]);
  for (const name of ["__proto__", "constructor", "prototype"]) {
    assertEquals(await problemOf(`{"email":{"a":[{"${name}":1}]}}`), [400, "invalid-request", `/email/a/0/${name}`]);
  }
});

Deno.test("a body without an announced length is bounded, too", async () => {
  const { app } = await openGateway();
  const piece = new TextEncoder().encode("x".repeat(16 * 1024));
  let count = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      count += 1;
      controller.enqueue(piece);
    },
  });
  const response = await app.request("/v1/sessions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: endless,
  });
  assertEquals([response.status, count < 10], [413, true]);
});

Deno.test("who asks too often is told when to come back, by address and by account", async () => {
  const { ask, clock } = await openGateway({ GATEWAY_RATE_IP_BURST: "3", GATEWAY_RATE_IP_PER_SECOND: "0.5" });
  const limits = [];
  for (let count = 0; count < 4; count += 1) {
    const { status, headers } = await ask("/v1/products");
    limits.push([status, headers.get("ratelimit"), headers.get("retry-after")]);
  }
  assertEquals(limits, [
    [200, '"address";r=2;t=2', null],
    [200, '"address";r=1;t=4', null],
    [200, '"address";r=0;t=6', null],
    [429, '"address";r=0;t=6', "2"],
  ]);
  await clock.advance(2_000);
  assertEquals((await ask("/v1/products")).status, 200);

  const strict = await openGateway({ GATEWAY_RATE_ACCOUNT_BURST: "1" });
  const statuses = [];
  for (const as of ["mina", "mina", "joon"] as const) statuses.push((await strict.ask("/v1/orders", { as })).status);
  assertEquals(statuses, [200, 429, 200]);
});

Deno.test("logins have a limit of their own, by address as the proxies tell it", async () => {
  const { ask, users } = await openGateway({ GATEWAY_RATE_CREDENTIAL_BURST: "1", GATEWAY_PROXY_HOPS: "1" });
  const from = async (forwarded: string) =>
    (await ask("/v1/sessions", { body: login, headers: { "x-forwarded-for": forwarded } })).status;
  assertEquals([await from("192.0.2.1"), await from("198.51.100.9, 192.0.2.1"), await from("192.0.2.2")], [
    200,
    429,
    200,
  ]);
  assertEquals(users.state.logins, [{ ...login, clientIp: "192.0.2.1" }, { ...login, clientIp: "192.0.2.2" }]);
  assertEquals((await ask("/v1/products")).status, 200);
});

Deno.test("what takes longer than ten seconds is answered 503", async () => {
  const { ask, store, clock } = await openGateway();
  store.delayNext(2 * answerWithinMs);
  const asked = ask("/v1/products");
  // The request's own deadline, and the database's delay.
  while (clock.waitingCount < 2) await clock.advance(0);
  await clock.advance(answerWithinMs);
  const { status, headers } = await asked;
  assertEquals([status, headers.get("retry-after")], [503, "2"]);
  await clock.advance(2 * answerWithinMs);
});

Deno.test("products are listed by SKU, page by page, and only those on sale", async () => {
  const { ask } = await stock(await openGateway());
  const first = await readAnswer(await ask("/v1/products?limit=2"));
  const second = await readAnswer(await ask(`/v1/products?limit=2&cursor=${first.body.nextCursor}`));
  const skus = [...first.body.items, ...second.body.items].map(({ sku }: { sku: string }) => sku);
  assertEquals([skus, second.body.nextCursor], [["CUP-0002", "TEA-0001", "WON-0004"], undefined]);
  assertEquals(first.headers.get("link"), `</v1/products?limit=2&cursor=${first.body.nextCursor}>; rel="next"`);
  const statuses = [];
  for (const sku of ["TEA-0001", "POT-0003", "NON-0000", "x"]) statuses.push((await ask(`/v1/products/${sku}`)).status);
  assertEquals(statuses, [200, 404, 404, 404]);
  const etag = (await ask("/v1/products/TEA-0001")).headers.get("etag")!;
  assertEquals((await ask("/v1/products/TEA-0001", { headers: { "if-none-match": `"x", W/${etag}` } })).status, 304);
});

Deno.test("while users is away, what needs it is answered 503 and the rest goes on", async () => {
  const { ask, users } = await stock(await openGateway());
  users.state.isAway = true;
  const statuses = [
    (await ask("/v1/sessions", { body: login })).status,
    (await ask("/v1/accounts", { body: { ...login, displayName: "Mina" } })).status,
    (await ask("/v1/me", { as: "mina" })).status,
    (await ask("/v1/products")).status,
    (await ask("/v1/orders", { as: "mina" })).status,
  ];
  assertEquals(statuses, [503, 503, 503, 200, 200]);
});

Deno.test("a wrong password is told as users tells it", async () => {
  const { ask } = await openGateway();
  const { status, body } = await readAnswer(await ask("/v1/sessions", { body: { ...login, password: "wrong" } }));
  assertEquals([status, body.type], [401, "urn:jangteo:problem:wrong-credentials"]);
});

Deno.test("a gateway that died between adding an address and storing the answer asks again under the same key", async () => {
  const { ask, users, requests, clock } = await openGateway();
  const body = { recipient: "Mina", lines: ["Jong-ro 1"], postalCode: "03154", city: "Seoul", countryCode: "KR" };
  const add = async () => await readAnswer(await ask("/v1/me/addresses", { as: "mina", body, key: "a1" }));
  const settle = requests.settle.bind(requests);
  requests.settle = () => Promise.reject(new UnavailableError("Cannot settle: the process died here"));
  assertEquals((await add()).status, 503);
  requests.settle = settle;
  assertEquals((await add()).status, 409);
  await clock.advance(30_000);
  const { status, body: { addressRef } } = await add();
  const { items } = await (await ask("/v1/me/addresses", { as: "mina" })).json();
  assertEquals([status, users.state.added, items.length], [201, ["a1", "a1"], 2]);
  assertEquals(items.at(-1).addressRef, addressRef);
});

Deno.test("an address is added once per key, and then known to be the customer's", async () => {
  const { ask, users, requests } = await openGateway();
  const body = { recipient: "Mina", lines: ["Jong-ro 1"], postalCode: "03154", city: "Seoul", countryCode: "KR" };
  const add = async () => await readAnswer(await ask("/v1/me/addresses", { as: "mina", body, key: "a1" }));
  users.state.isAway = true;
  assertEquals((await add()).status, 503);
  users.state.isAway = false;
  const [first, again] = [await add(), await add()];
  assertEquals([first.status, again.status, again.body], [201, 201, first.body]);
  assertEquals(users.state.added, ["a1"]);
  const { items } = await (await ask("/v1/me/addresses", { as: "mina" })).json();
  assertEquals(items.length, 2);
  for (const { addressRef } of items) {
    assertEquals(await requests.isAddressOf("0198d6f0-0000-7000-8000-000000000001", addressRef), true);
  }
});

Deno.test("staff put, retire and count by commands of the owners", async () => {
  const { ask, sent } = await openGateway();
  const product = { name: "Sencha", description: "", priceMinor: 499, currency: "EUR", isListed: true };
  const path = "/v1/staff/products/TEA-0001";
  const put = await readAnswer(await ask(path, { as: "staff", method: "PUT", body: product, key: "1" }));
  await ask(path, { as: "staff", method: "DELETE", key: "2" });
  const count = { warehouse: "seoul", unitsOnHand: 5 };
  const counted = await readAnswer(await ask(`${path}/stock-counts`, { as: "staff", body: count, key: "3" }));
  assertEquals([put.status, put.body.commandId], [202, sent[0]?.id]);
  assertEquals(sent.map(({ command }) => [command.type, command.data]), [
    ["catalog.put-product", { sku: "TEA-0001", ...product }],
    ["catalog.retire-product", { sku: "TEA-0001" }],
    ["inventory.count-stock", { sku: "TEA-0001", ...count, countId: counted.body.commandId }],
  ]);
});

Deno.test("audit queries go to the audit service with the caller's own token", async () => {
  const { ask, audit, tokens } = await openGateway();
  const token = await tokens.issue("auditor");
  const response = await ask("/audit/v1/events?order=x&limit=5", { headers: { authorization: `Bearer ${token}` } });
  assertEquals([response.status, await response.json()], [200, { items: [] }]);
  assertEquals(audit.state.asked, [{
    path: "/audit/v1/events?order=x&limit=5",
    headers: { "mesh-access-token": token },
  }]);
  audit.state.status = 500;
  assertEquals((await ask("/audit/v1/anything", { as: "auditor" })).status, 503);
});

Deno.test("the gateway is ready as long as its own database answers", async () => {
  const { ask, faults } = await openGateway();
  assertEquals((await ask("/health/ready")).status, 200);
  faults.push("postgres: away");
  const { status, body } = await readAnswer(await ask("/health/ready"));
  assertEquals([status, body], [503, { service: "gateway", status: "not-ready" }]);
  assertEquals((await ask("/health/live")).status, 200);
});

Deno.test("errors that nobody expected say nothing", async () => {
  const { ask, store } = await openGateway();
  Object.defineProperty(store, "listRows", { value: () => Promise.reject(new Error("password=hunter2 at line 7")) });
  const response = await ask("/v1/products");
  const text = await response.text();
  assertEquals([response.status, text.includes("hunter2"), text.includes("line")], [500, false, false]);
});
