import bundle from "swagger-ui-dist/swagger-ui-bundle.js" with { type: "text" };
import styles from "swagger-ui-dist/swagger-ui.css" with { type: "text" };
import { etagOf, matches } from "../etag.ts";
import type { GatewayContext } from "../gateway_env.ts";
import type { RouteTable } from "../route_table.ts";

/** The page: everything on it is served from here, so its policy allows nothing else. */
const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Jangteo: storefront API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="api"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

const start = `SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  // Asks a validator of its maker about every document otherwise.
  validatorUrl: null,
});
`;

/** The page's script sets styles one by one, which a policy does not see; images of its own are data URLs. */
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The API's page for people, without a byte from elsewhere. */
export function addDocsRoutes(table: RouteTable): void {
  const serve = (path: string, text: string, mediaType: string) => {
    const tag = etagOf(text);
    table.addPlain("public", path, (context) => answerFile(context, { text, mediaType, tag }));
  };
  serve("/docs", page, "text/html; charset=utf-8");
  serve("/docs/start.js", start, "text/javascript; charset=utf-8");
  serve("/docs/swagger-ui-bundle.js", bundle, "text/javascript; charset=utf-8");
  serve("/docs/swagger-ui.css", styles, "text/css; charset=utf-8");
}

function answerFile(
  context: GatewayContext,
  { text, mediaType, tag }: { readonly text: string; readonly mediaType: string; readonly tag: string },
): Response {
  context.header("etag", tag);
  context.header("cache-control", "public, no-cache");
  context.header("content-security-policy", policy);
  if (matches(context.req.header("if-none-match"), tag)) return context.body(null, 304);
  return context.body(text, 200, { "content-type": mediaType });
}
