import type { Clock } from "@mesh/base";
import type { Command } from "commander";
import { z } from "zod";
import { CliError, exitCodes } from "./exit_codes.ts";
import { assertAllAnswered, gather, type MeshAccess, selected } from "./mesh_access.ts";
import { readReason } from "./options.ts";
import type { AddCommands } from "./program.ts";
import { table } from "./terminal.ts";
import { dateTime, duration } from "./times.ts";

const Progress = z.looseObject({
  projection: z.string(),
  generation: z.number(),
  status: z.enum(["running", "done", "failed"]),
  eventCount: z.number(),
  refusedCount: z.number(),
  startedAtMs: z.number(),
  endedAtMs: z.number().optional(),
  error: z.string().optional(),
});
const Listed = z.object({ items: z.array(z.object({ projection: z.string(), progress: Progress.optional() })) });

/** Wait between two looks at a rebuild, in milliseconds. */
const lookEveryMs = 500;

/** `projections list | rebuild`. */
export function projectionCommands(mesh: MeshAccess, clock: Clock): AddCommands {
  return (program, output) => {
    const projections = program.command("projections").description("read models, made from other services' events");
    projections.command("list")
      .description("list read models, each with its last rebuild in the running process")
      .option("--service <name>", "only those of one service")
      .action(async (options: { service?: string }, command: Command) => {
        const gathered = await listAll(mesh, options.service);
        const items = gathered.answers.flatMap(({ service, value }) =>
          value.items.map((item) => ({ service, ...item }))
        );
        const text = () =>
          table(
            ["SERVICE", "READ MODEL", "LAST REBUILD"],
            items.map(({ service, projection, progress }) => [service, projection, rebuildText(progress)]),
          );
        output.show(command, { json: { items }, text });
        assertAllAnswered(gathered);
      });
    projections.command("rebuild")
      .description("fill a read model anew from its owners' feeds, beside the one that readers use until it is done")
      .argument("<name>", "of the read model")
      .option("--service <name>", "the service that has it; all are asked otherwise")
      .option("--no-wait", "do not wait for the end")
      .requiredOption("--reason <text>", "why; it is recorded and signed", readReason)
      .action(async (name: string, options: { service?: string; wait: boolean; reason: string }, command: Command) => {
        const service = await serviceWith(mesh, name, options.service);
        const path = `/operator/v1/projections/${encodeURIComponent(name)}/rebuild`;
        let progress = await mesh.post(service, path, { body: { reason: options.reason }, schema: Progress });
        while (options.wait && progress.status === "running") {
          await clock.delay(lookEveryMs);
          progress = await mesh.get(service, path, Progress);
        }
        output.show(command, { json: { service, ...progress }, text: () => `${name}: ${rebuildText(progress)}` });
        if (progress.status === "failed") throw new CliError(exitCodes.failed, progress.error ?? "It failed");
      });
  };
}

function listAll(mesh: MeshAccess, service?: string) {
  return gather(selected(mesh, service), (name) => mesh.get(name, "/operator/v1/projections", Listed));
}

async function serviceWith(mesh: MeshAccess, projection: string, service?: string): Promise<string> {
  const gathered = await listAll(mesh, service);
  const found = gathered.answers.find(({ value }) => value.items.some((item) => item.projection === projection));
  if (found !== undefined) return found.service;
  assertAllAnswered(gathered);
  const known = gathered.answers.flatMap(({ value }) => value.items.map((item) => item.projection)).join(", ");
  throw new CliError(exitCodes.notFound, `Cannot find read model "${projection}": there are ${known || "none"}`);
}

function rebuildText(progress: z.output<typeof Progress> | undefined): string {
  if (progress === undefined) return "none";
  const { status, eventCount, refusedCount, startedAtMs, endedAtMs, error } = progress;
  const refused = refusedCount === 0 ? "" : `, ${refusedCount} refused`;
  const took = endedAtMs === undefined ? `since ${dateTime(startedAtMs)}` : `in ${duration(endedAtMs - startedAtMs)}`;
  return `${status}, ${eventCount} events${refused} ${took}${error === undefined ? "" : `: ${error}`}`;
}
