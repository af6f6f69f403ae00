/**
 * Runs one participant of the compared saga as any service is run: `participant.ts <service>`.
 *
 * @module
 */
import { runService } from "@mesh/runtime";
import { behaviours, participants } from "./services.ts";

if (import.meta.main) {
  const definition = participants.find(({ name }) => name === Deno.args[0])!;
  await runService(definition, (name) => Deno.env.get(name), () => ({ behaviour: behaviours[definition.name]! }));
}
