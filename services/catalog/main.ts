/**
 * Runs catalog.
 *
 * @module
 */
import { behaviourOf } from "@mesh/actor";
import { runService } from "@mesh/runtime";
import { catalog } from "./actor.ts";
import { service } from "./service.ts";

if (import.meta.main) {
  await runService(service, (name) => Deno.env.get(name), () => ({ behaviour: behaviourOf(catalog) }));
}
