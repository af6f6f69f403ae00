import { services } from "@jangteo/deploy/topology";
import { sagas } from "@shop/orchestrator/service";
import { withSection } from "./markdown.ts";
import { readText, root } from "./repository.ts";
import { sagaPicture, serviceTable } from "./tables.ts";

/**
 * Writes what the README says about services and their saga anew:
 * `deno run --allow-read=. --allow-write=README.md tests/docs/write_tables.ts && deno fmt README.md`.
 */
if (import.meta.main) {
  const latest = sagas.findLast(({ name }) => name === "place-order")!;
  const withServices = withSection(readText("README.md"), "services", serviceTable(services));
  Deno.writeTextFileSync(new URL("README.md", root), withSection(withServices, "saga", sagaPicture(latest)));
}
