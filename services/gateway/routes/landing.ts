import type { RouteTable } from "../route_table.ts";

const links = {
  api: "/docs",
  openapi: "/openapi.json",
  products: "/v1/products",
  accessTokenKeys: "/.well-known/jwks.json",
  envelopeKeys: "/.well-known/mesh-jwks.json",
  ready: "/health/ready",
} as const;

const page = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Jangteo</title></head>
<body>
<h1>Jangteo</h1>
<p>An event-driven shop. This is its storefront API.</p>
<ul>
${Object.entries(links).map(([name, path]) => `<li>${name}: <a href="${path}">${path}</a></li>`).join("\n")}
</ul>
</body>
</html>
`;

/** What is where. */
export function addLandingRoute(table: RouteTable): void {
  table.addPlain("public", "/", (context) => {
    context.header("vary", "Accept");
    return context.req.header("accept")?.includes("text/html") === true
      ? context.html(page)
      : context.json({ name: "Jangteo", links });
  });
}
