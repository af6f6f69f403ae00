/**
 * The process of users; see README.md for its environment.
 *
 * @module
 */
import { runService } from "@mesh/runtime";
import { service } from "./service.ts";
import { buildUsers } from "./wiring.ts";

if (import.meta.main) await runService(service, (name) => Deno.env.get(name), buildUsers);
