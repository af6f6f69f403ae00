/**
 * The process of audit; see README.md for its environment.
 *
 * @module
 */
import { systemClock } from "@mesh/base";
import { runService } from "@mesh/runtime";
import { service } from "./service.ts";
import { buildAudit } from "./wiring.ts";

if (import.meta.main) {
  await runService(service, (name) => Deno.env.get(name), (wiring) => buildAudit(wiring, systemClock));
}
