/**
 * The mesh as a contender: `main.ts [events] [time|random]`, with so many events recorded before, and order ids of this kind.
 *
 * @module
 */
import { serveContender } from "../../contender/serve_contender.ts";
import { openMesh } from "./open_mesh.ts";

if (import.meta.main) {
  const [events = "0", keys] = Deno.args;
  await serveContender((setup) =>
    openMesh(setup, { historyEvents: Number(events), keys: keys === "time" ? "time" : "random" })
  );
}
