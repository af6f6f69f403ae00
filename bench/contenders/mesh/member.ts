/**
 * Runs one service of the compared saga as any service is run: `member.ts <service>`.
 *
 * @module
 */
import { runService } from "@mesh/runtime";
import { behaviours, services } from "./services.ts";

if (import.meta.main) {
  const definition = services.find(({ name }) => name === Deno.args[0])!;
  await runService(definition, (name) => Deno.env.get(name), () => ({ behaviour: behaviours[definition.name]! }));
}
