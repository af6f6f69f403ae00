import { envelopeVectors } from "./vectors.ts";

/** Writes the published vectors anew: `deno run --allow-write=docs shared/envelope/write_vectors.ts`. */
if (import.meta.main) {
  const file = new URL("../../docs/envelope-vectors.json", import.meta.url);
  Deno.writeTextFileSync(file, `${JSON.stringify(envelopeVectors(), null, 2)}\n`);
}
