import { type Command, Option } from "commander";
import { actOn, type ActOptions } from "./actor_access.ts";
import { actedText } from "./actor_text.ts";
import { CliError, exitCodes } from "./exit_codes.ts";
import { type MeshAccess, selected } from "./mesh_access.ts";
import { idOption, readJson, readLine, readReason } from "./options.ts";
import type { Output } from "./program.ts";

/** What needs the services that run sagas. */
export interface SagaHosts {
  readonly mesh: MeshAccess;
  readonly hosts: readonly string[];
}

const plainActs = [
  ["resume", "resumed", "take attention away from a saga, begin its waits anew and ask again at once"],
  [
    "retry-step",
    "asked again",
    "ask again at once: what was refused under new ids, what is unanswered by the same bytes",
  ],
  [
    "compensate",
    "turned back",
    "turn a saga back now, as if its step had been silent to its limit; before the pivot only",
  ],
] as const;

interface SettleOptions extends ActOptions {
  readonly outcome: "succeeded" | "refused";
  readonly line?: number;
  readonly result?: unknown;
}

/** `sagas resume | retry-step | compensate | settle`, into the group of saga commands. */
export function addSagaActs(sagas: Command, output: Output, { mesh, hosts }: SagaHosts): void {
  for (const [name, done, what] of plainActs) {
    actCommand(sagas, name, what).action(async (saga: string, options: ActOptions, command: Command) => {
      const acted = await actOn(mesh, streamOf(saga, { mesh, hosts }), { ...options, act: { name } });
      output.show(command, { json: acted, text: () => actedText(done, acted) });
    });
  }
  actCommand(sagas, "settle", "say by hand what came of a command whose receiver never says it; look there first")
    .addOption(
      new Option("--outcome <word>", "what came of it; only a pivot can be refused").choices(["succeeded", "refused"])
        .makeOptionMandatory(),
    )
    .option("--line <n>", "which command of the step, from 0, where several are open", readLine)
    .option("--result <json>", "data of the event that it would have answered with; undos and ends need none", readJson)
    .action(async (saga: string, { outcome, line, result, ...options }: SettleOptions, command: Command) => {
      const act = {
        name: "settle",
        outcome,
        ...(line === undefined ? {} : { line }),
        ...(result === undefined ? {} : { data: result }),
      };
      const acted = await actOn(mesh, streamOf(saga, { mesh, hosts }), { ...options, act });
      output.show(command, { json: acted, text: () => actedText("settled", acted) });
    });
}

function actCommand(sagas: Command, name: string, what: string): Command {
  return sagas.command(name)
    .description(what)
    .argument("<saga/id>", "for example place-order/<order id>")
    .requiredOption("--reason <text>", "why; it is recorded and signed", readReason)
    .addOption(idOption());
}

/** Completes `place-order/<id>` by its host; a whole stream's name stays as it is. */
function streamOf(saga: string, { mesh, hosts }: SagaHosts): string {
  if (!saga.includes("/")) {
    throw new CliError(exitCodes.usage, `Cannot find saga "${saga}": its form is <saga>/<id>`);
  }
  if (hosts.includes(saga.slice(0, saga.indexOf("/")))) return saga;
  return `${selected(mesh, hosts[0])[0]!.name}/${saga}`;
}
