import {
  applyTopology,
  type BrokerTopology,
  detachedTopology,
  type LiveTopology,
  type ManagementClient,
  readLiveTopology,
  topologyDiff,
  type TopologyFinding,
} from "@mesh/broker";
import { type AddCommands, CliError, exitCodes, type Output, plain, table } from "@mesh/cli";
import { type Command, InvalidArgumentError, Option } from "commander";

/** What comparing needs. */
export interface TopologyCommandOptions {
  /** Describes what the broker should hold. */
  readonly topologyOf: (partitions: number, tiersMs?: readonly number[]) => BrokerTopology;
  readonly vhost: string;
  /** Mailbox partitions of each service, where the command line does not say. */
  readonly partitions: number;
  /** Names of all services. */
  readonly services: readonly string[];
  /** @throws {CliError} If the environment does not say where the broker's management is. */
  readonly connect: (vhost: string) => Pick<ManagementClient, "call" | "user">;
}

/** Which topology a command is about. */
export interface TopologyChoice {
  readonly partitions: number;
  readonly vhost: string;
  readonly tiers?: readonly number[];
}

/** `topology diff | apply | detach`. */
export function topologyCommands(options: TopologyCommandOptions): AddCommands {
  return (program, output) => {
    const topology = program.command("topology")
      .description("what RabbitMQ must hold: exchanges, queues, bindings, policies, rights");
    withChoice(topology.command("diff"), options)
      .description("compare it with what the broker holds; exit code 6 if they differ")
      .action(async (choice: TopologyChoice, command: Command) => {
        const findings = await compare(options, choice, desiredBy(options, choice));
        output.show(command, { json: { findings }, text: () => findingsText(findings) });
        assertSame(findings);
      });
    withChoice(topology.command("apply"), options)
      .description("mend what differs, in the order in which nothing is lost")
      .option("--remove-foreign", "also delete what is not part of the topology; queues only when they are empty")
      .action(async (choice: TopologyChoice & { removeForeign?: true }, command: Command) => {
        await mend(options, choice, { output, command, removesForeign: choice.removeForeign === true });
      });
    withChoice(topology.command("detach"), options)
      .description(
        "cut a service's mailbox off that endangers the broker; it catches up from feeds after: topology apply",
      )
      .argument("<service>", "to be cut off")
      .action(async (service: string, choice: TopologyChoice, command: Command) => {
        if (!options.services.includes(service)) {
          throw new CliError(
            exitCodes.usage,
            `Cannot find service "${service}": there are ${options.services.join(", ")}`,
          );
        }
        await detach(options, choice, { output, command, service });
      });
  };
}

/** Adds the options that choose a topology. */
export function withChoice(command: Command, { vhost, partitions }: TopologyCommandOptions): Command {
  return command
    .addOption(
      new Option("--partitions <n>", "mailbox partitions of each service").default(partitions)
        .argParser(readPartitions),
    )
    .addOption(
      new Option("--tiers <ms,ms,…>", "waits of the retry tiers, if not the default ones").argParser(readTiers),
    )
    .option("--vhost <name>", "at the broker", vhost);
}

function readPartitions(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= 64) return count;
  throw new InvalidArgumentError("A whole number from 1 to 64 is needed.");
}

function readTiers(text: string): readonly number[] {
  const tiers = text.split(",").map(Number);
  if (tiers.length <= 8 && tiers.every((ms) => Number.isInteger(ms) && ms >= 1)) return tiers;
  throw new InvalidArgumentError("Up to 8 whole numbers of milliseconds are needed.");
}

function desiredBy({ topologyOf }: TopologyCommandOptions, { partitions, tiers }: TopologyChoice): BrokerTopology {
  return topologyOf(partitions, tiers);
}

async function compare(
  { connect }: TopologyCommandOptions,
  { vhost }: TopologyChoice,
  desired: BrokerTopology,
): Promise<readonly TopologyFinding[]> {
  const client = connect(vhost) as ManagementClient;
  const live: LiveTopology = await reached(readLiveTopology(client));
  return topologyDiff(desired, live, { caller: client.user });
}

interface Showing {
  readonly output: Output;
  readonly command: Command;
}

async function mend(
  options: TopologyCommandOptions,
  choice: TopologyChoice,
  { output, command, removesForeign }: Showing & { readonly removesForeign: boolean },
): Promise<void> {
  const desired = desiredBy(options, choice);
  const findings = await compare(options, choice, desired);
  const client = options.connect(choice.vhost) as ManagementClient;
  const outcomes = await reached(applyTopology(client, findings, { removesForeign }));
  const left = outcomes.filter(({ outcome }) => outcome !== "mended");
  output.show(command, {
    json: { outcomes },
    text: () => {
      if (outcomes.length === 0) return "Nothing differs";
      const rows = outcomes.map(({ outcome, finding }) => [outcome, finding.state, finding.subject, finding.name]);
      return [table(["OUTCOME", "STATE", "WHAT", "NAME"], rows), ...left.map(({ finding }) => riskText(finding))].join(
        "\n",
      );
    },
  });
  assertSame(left.map(({ finding }) => finding));
}

async function detach(
  options: TopologyCommandOptions,
  choice: TopologyChoice,
  { output, command, service }: Showing & { readonly service: string },
): Promise<void> {
  const whole = desiredBy(options, choice);
  const desired = detachedTopology(whole, service);
  // Only what leads into this service's mailbox: the rest of what differs is for `apply`.
  const kept = new Set(desired.bindings);
  const cut = new Set(
    whole.bindings.filter((binding) => !kept.has(binding))
      .map(({ source, pattern, destination }) => `${source} -${pattern}-> ${destination}`),
  );
  const findings = (await compare(options, choice, desired))
    .filter(({ subject, state, name }) => subject === "binding" && state === "foreign" && cut.has(name));
  const client = options.connect(choice.vhost) as ManagementClient;
  const outcomes = await reached(applyTopology(client, findings, { removesForeign: true }));
  output.show(command, {
    json: { service, outcomes },
    text: () =>
      outcomes.length === 0
        ? `Nothing leads into the mailbox of ${service}`
        : `Cut ${outcomes.length} bindings into the mailbox of ${service}. What waits in its queues stays. ` +
          "Attach it again with: mesh topology apply",
  });
}

/** @throws {CliError} With exit code 5 in place of `UnavailableError`. */
export async function reached<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if ((error as { code?: unknown }).code !== "dependency.unavailable") throw error;
    throw new CliError(exitCodes.unavailable, (error as Error).message, { cause: error });
  }
}

function findingsText(findings: readonly TopologyFinding[]): string {
  if (findings.length === 0) return "Nothing differs";
  return findings.map((finding) => `${finding.state} ${finding.subject} ${plain(finding.name)}\n${riskText(finding)}`)
    .join("\n");
}

function riskText({ risk, name }: TopologyFinding): string {
  return `    ${plain(risk)}${risk === "" ? plain(name) : ""}`;
}

/** @throws {CliError} With exit code 6 if there is anything. */
function assertSame(findings: readonly TopologyFinding[]): void {
  if (findings.length === 0) return;
  throw new CliError(
    exitCodes.differs,
    findings.length === 1 ? "1 difference is left" : `${findings.length} differences are left`,
  );
}
