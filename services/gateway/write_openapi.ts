import { openGateway } from "./gateway_fixture.ts";
import { openapiDocument } from "./openapi_document.ts";

/** Writes the published document anew: `deno run --allow-write=docs services/gateway/write_openapi.ts`. */
if (import.meta.main) {
  const { app } = await openGateway();
  const file = new URL("../../docs/openapi.json", import.meta.url);
  Deno.writeTextFileSync(file, `${JSON.stringify(openapiDocument(app), null, 2)}\n`);
}
