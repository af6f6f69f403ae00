import { deepStrictEqual as assertEquals, ok as assert } from "node:assert/strict";
import { accounts, type GatewayFixture, openGateway } from "./gateway_fixture.ts";
import { openapiDocument } from "./openapi_document.ts";

type Role = keyof typeof accounts | "nobody";

const roles: readonly Role[] = ["nobody", "mina", "staff", "auditor", "operator"];

/** Scopes that each role's token has. */
const scopesOf: Readonly<Record<Role, readonly string[]>> = {
  nobody: [],
  mina: ["shop"],
  joon: ["shop"],
  staff: ["shop", "staff"],
  auditor: ["audit"],
  operator: ["operator"],
};

interface Operation {
  readonly method: string;
  readonly path: string;
  /** Absent for public operations. */
  readonly scope: string | undefined;
}

function operationsOf(gateway: GatewayFixture): readonly Operation[] {
  const { paths = {} } = openapiDocument(gateway.app);
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations as Record<string, { readonly security?: readonly Record<string, readonly string[]>[] }>)
      .map(([method, { security }]) => ({ method: method.toUpperCase(), path, scope: security?.[0]?.accessToken?.[0] }))
  );
}

const filled = (path: string) =>
  path.replace("{orderId}", "0198d6f0-0000-7000-8000-00000000000f").replace("{sku}", "TEA-0001");

Deno.test("every operation lets in exactly the roles whose tokens have its scope", async () => {
  const gateway = await openGateway();
  const operations = operationsOf(gateway);
  assert(operations.length >= 17, `only ${operations.length} operations are documented`);
  const wrong: string[] = [];
  for (const { method, path, scope } of operations) {
    for (const role of roles) {
      const response = await gateway.ask(filled(path), {
        method,
        ...(role === "nobody" ? {} : { as: role }),
        // Nothing is carried out: what gets past the door fails at the body.
        ...(method === "GET" ? {} : { raw: "[" }),
      });
      await response.body?.cancel();
      const isIn = scope === undefined || scopesOf[role].includes(scope);
      const expected = isIn ? "in" : role === "nobody" ? "401" : "403";
      const found = response.status === 401 || response.status === 403 ? String(response.status) : "in";
      if (found !== expected) wrong.push(`${role} ${method} ${path}: ${found} instead of ${expected}`);
    }
  }
  assertEquals(wrong, []);
});

Deno.test("only these pages and keys are public beside the documented operations", async () => {
  const { table, app } = await openGateway();
  const documented = new Set(
    Object.keys(openapiDocument(app).paths ?? {}).map((path) => path.replaceAll(/\{(.+?)\}/g, ":$1")),
  );
  assertEquals(table.routes.filter(({ path }) => !documented.has(path)).map(({ path, scope }) => [path, scope]), [
    ["/audit/v1/*", "audit"],
    ["/.well-known/jwks.json", "public"],
    ["/.well-known/mesh-jwks.json", "public"],
    ["/health/live", "public"],
    ["/health/ready", "public"],
    ["/docs", "public"],
    ["/docs/start.js", "public"],
    ["/docs/swagger-ui-bundle.js", "public"],
    ["/docs/swagger-ui.css", "public"],
    ["/", "public"],
    ["/openapi.json", "public"],
  ]);
});

Deno.test("every handler of the application was declared in the table", async () => {
  const { table, app } = await openGateway();
  const declared = new Set(table.routes.map(({ method, path }) => `${method} ${path}`));
  const handlers = app.routes.filter(({ method }) => method !== "ALL").map(({ method, path }) => `${method} ${path}`);
  assertEquals([...new Set(handlers)].filter((name) => !declared.has(name)), []);
});

Deno.test("a handler that was put past the table is closed to everybody", async () => {
  const gateway = await openGateway();
  gateway.app.get("/v1/secret", (context) => context.text("secret"));
  for (const role of roles) {
    const response = await gateway.ask("/v1/secret", role === "nobody" ? {} : { as: role });
    assertEquals([response.status, (await response.json()).type], [403, "urn:jangteo:problem:not-allowed"]);
  }
});

Deno.test("a token that has expired, or that somebody else signed, opens nothing", async () => {
  const [gateway, other] = [await openGateway(), await openGateway()];
  const mine = await gateway.tokens.issue("mina");
  const ask = async (token: string) => {
    const response = await gateway.ask("/v1/orders", { headers: { authorization: `Bearer ${token}` } });
    return [response.status, (await response.json()).type, response.headers.get("www-authenticate")];
  };
  const refused = [401, "urn:jangteo:problem:unauthenticated", 'Bearer realm="jangteo"'];
  assertEquals(await ask(await other.tokens.issue("mina")), refused);
  await gateway.clock.advance(601_000);
  assertEquals(await ask(mine), refused);
});
