import type { Command } from "commander";
import { z } from "zod";
import { assertAllAnswered, gather, type MeshAccess, selected } from "./mesh_access.ts";
import { limitOption } from "./options.ts";
import type { AddCommands } from "./program.ts";
import { addSagaActs } from "./saga_act_commands.ts";
import { table } from "./terminal.ts";
import { dateTime } from "./times.ts";

const View = z.looseObject({
  saga: z.string(),
  correlation: z.string(),
  version: z.number().nullable(),
  phase: z.string(),
  step: z.string().nullable(),
  needsAttention: z.boolean(),
  waitingFor: z.array(z.looseObject({ step: z.string(), direction: z.string(), line: z.number() })),
  deadlineMs: z.number().nullable(),
  failure: z.object({ step: z.string(), reason: z.string() }).nullable(),
});
const Page = z.object({
  items: z.array(z.object({ stream: z.string(), version: z.number(), updatedAtMs: z.number(), view: View.nullable() })),
});
type Instance = z.output<typeof Page>["items"][number] & { readonly service: string };

/**
 * `sagas list | resume | retry-step | compensate | settle`.
 *
 * @param hosts Services that run sagas.
 */
export function sagaCommands(mesh: MeshAccess, hosts: readonly string[]): AddCommands {
  return (program, output) => {
    const sagas = program.command("sagas").alias("saga").description("sagas: processes that span services");
    sagas.command("list")
      .description("list unfinished sagas, the most recently moved first")
      .option("--attention", "only those that need attention")
      .option("--saga <name>", "only those of one kind")
      .addOption(limitOption())
      .action(async (options: { attention?: true; saga?: string; limit: number }, command: Command) => {
        const asked = hosts.flatMap((host) => selected(mesh, host));
        const gathered = await gather(asked, (service) => readAll(mesh, service, options));
        const found = gathered.answers.flatMap(({ value }) => value)
          .filter(({ view }) => options.attention !== true || view?.needsAttention === true);
        output.show(command, { json: { items: found }, text: () => listText(found) });
        assertAllAnswered(gathered);
      });
    addSagaActs(sagas, output, { mesh, hosts });
  };
}

async function readAll(
  mesh: MeshAccess,
  service: string,
  { saga, limit }: { readonly saga?: string; readonly limit: number },
): Promise<readonly Instance[]> {
  const instances: Instance[] = [];
  while (instances.length < limit) {
    const wanted = Math.min(200, limit - instances.length);
    const query = new URLSearchParams({ limit: String(wanted), prefix: saga === undefined ? "" : `${saga}/` });
    const last = instances.at(-1);
    if (last !== undefined) query.set("after", last.stream);
    const { items } = await mesh.get(service, `/operator/v1/instances?${query}`, Page);
    instances.push(...items.map((item) => ({ ...item, service })));
    if (items.length < wanted) break;
  }
  return instances;
}

function listText(instances: readonly Instance[]): string {
  if (instances.length === 0) return "No unfinished sagas";
  return table(
    ["SAGA", "CORRELATION", "PHASE", "STEP", "WAITS FOR", "MOVED", "COMES BACK", "NOTE"],
    instances.map(({ stream, updatedAtMs, view }) => [
      view?.saga ?? "",
      view?.correlation ?? stream,
      view?.phase ?? "",
      view?.step ?? "",
      view?.waitingFor.map(({ step, direction }) => direction === "undo" ? `undo ${step}` : step).join(", ") ?? "",
      dateTime(updatedAtMs),
      view === null || view.deadlineMs === null ? "" : dateTime(view.deadlineMs),
      [
        view?.needsAttention === true ? "NEEDS ATTENTION" : "",
        view?.failure ? `${view.failure.step} ${view.failure.reason}` : "",
      ].filter((word) => word !== "").join(", "),
    ]),
  );
}
