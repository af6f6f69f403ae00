import type { GatewayApp } from "./gateway_env.ts";

/** @returns The API as OpenAPI 3.1, from the routes themselves; `docs/openapi.json` is a copy that a test compares. */
export function openapiDocument(app: GatewayApp) {
  return app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Jangteo storefront",
      version: "1.0.0",
      description:
        "Orders are taken with 202 and completed by events. Every write by somebody signed in names itself with " +
        "`Idempotency-Key`; errors are problem documents (RFC 9457).",
      license: { name: "MIT" },
    },
    servers: [{ url: "/" }],
  });
}
