import type { Command } from "commander";
import { z } from "zod";
import { assertAllAnswered, gather, type MeshAccess, selected } from "./mesh_access.ts";
import { readReason } from "./options.ts";
import type { AddCommands } from "./program.ts";
import { table } from "./terminal.ts";
import { duration } from "./times.ts";

const Status = z.looseObject({
  outboxCount: z.number(),
  outboxOldestMs: z.number(),
  needsAttentionCount: z.number(),
  deadLetterCount: z.number(),
  parkedCount: z.number(),
  openEffectCount: z.number(),
  timerCount: z.number(),
});

/** `outbox status | redrive`. */
export function outboxCommands(mesh: MeshAccess): AddCommands {
  return (program, output) => {
    const outbox = program.command("outbox").description("outboxes: what services have said and nobody answered yet");
    outbox.command("status")
      .description("show how much waits in each service")
      .option("--service <name>", "only one service")
      .action(async (options: { service?: string }, command: Command) => {
        const gathered = await gather(
          selected(mesh, options.service),
          (service) => mesh.get(service, "/operator/v1/status", Status),
        );
        const items = gathered.answers.map(({ service, value }) => ({ service, ...value }));
        output.show(command, {
          json: { items },
          text: () =>
            table(
              ["SERVICE", "OUTBOX", "OLDEST", "NEEDS ATTENTION", "DEAD LETTERS", "PARKED", "OPEN EFFECTS", "TIMERS"],
              items.map((one) => [
                one.service,
                String(one.outboxCount),
                one.outboxCount === 0 ? "" : duration(one.outboxOldestMs),
                String(one.needsAttentionCount),
                String(one.deadLetterCount),
                String(one.parkedCount),
                String(one.openEffectCount),
                String(one.timerCount),
              ]),
            ),
        });
        assertAllAnswered(gathered);
      });
    outbox.command("redrive")
      .description("make everything that waits in outboxes due now, for example after the broker lost its data")
      .option("--service <name>", "only one service")
      .requiredOption("--reason <text>", "why; it is recorded and signed", readReason)
      .action(async ({ service: only, reason }: { service?: string; reason: string }, command: Command) => {
        const schema = z.object({ due: z.number() });
        const gathered = await gather(
          selected(mesh, only),
          (service) => mesh.post(service, "/operator/v1/outbox/redrive", { body: { reason }, schema }),
        );
        const items = gathered.answers.map(({ service, value: { due } }) => ({ service, due }));
        output.show(command, {
          json: { items },
          text: () => table(["SERVICE", "DUE NOW"], items.map(({ service, due }) => [service, String(due)])),
        });
        assertAllAnswered(gathered);
      });
  };
}
