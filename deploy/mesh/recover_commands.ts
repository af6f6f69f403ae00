import type { Clock } from "@mesh/base";
import {
  type AddCommands,
  assertAllAnswered,
  CliError,
  exitCodes,
  gather,
  type Gathered,
  type MeshAccess,
  type Output,
  plain,
  readDuration,
  readReason,
  type ServiceAddress,
} from "@mesh/cli";
import type { Command } from "commander";
import { z } from "zod";
import { type Loading, loadTopology } from "./load_topology.ts";
import { reached, type TopologyChoice, type TopologyCommandOptions, withChoice } from "./topology_commands.ts";

/** What recovering needs besides what comparing topologies does. */
export interface RecoverCommandOptions extends TopologyCommandOptions {
  readonly mesh: MeshAccess;
  /** Service that runs the sagas. */
  readonly sagaHost: string;
  /** Finds the password of a service's broker user. */
  readonly passwordOf: (user: string) => Promise<string | undefined>;
  readonly clock: Clock;
}

interface RecoverChoice extends TopologyChoice {
  readonly reason: string;
  readonly wait: boolean;
  readonly within: number;
}

/** Between two looks at what is not there yet, in milliseconds. */
const lookEveryMs = 1_000;
/** 1 minute: the longest that a service may take to find its queues again. */
const readyWithinMs = 60_000;
/** Sagas that one page lists. */
const pageMax = 5_000;
/** Sagas that are followed to their end. */
const followedMax = 50_000;

const Status = z.looseObject({ outboxCount: z.number(), unansweredOldestMs: z.number() });
const Instances = z.looseObject({ items: z.array(z.looseObject({ stream: z.string() })) });

/** `recover broker`. */
export function recoverCommands(options: RecoverCommandOptions): AddCommands {
  return (program, output) => {
    const recover = program.command("recover").description("bring the mesh back after a loss");
    withChoice(recover.command("broker"), options)
      .description(
        "after RabbitMQ has lost its data and runs again, empty: load users and topology, send what is unanswered again, " +
          "and wait until every unfinished saga has ended; a repeat does no harm",
      )
      .requiredOption("--reason <text>", "why; each service records and signs it", readReason)
      .option("--no-wait", "end when everything is on its way again")
      .option("--within <duration>", "longest wait for the end, for example 90s or 10m", readDuration, 600_000)
      .action((choice: RecoverChoice, command: Command) =>
        new Recovery(options, choice, (line) => output.terminal.err(line)).run(output, command)
      );
  };
}

/** One recovery on its way. */
class Recovery {
  readonly #options: RecoverCommandOptions;
  readonly #choice: RecoverChoice;
  readonly #print: (line: string) => void;
  readonly #startMs: number;

  constructor(options: RecoverCommandOptions, choice: RecoverChoice, print: (line: string) => void) {
    this.#options = options;
    this.#choice = choice;
    this.#print = print;
    this.#startMs = options.clock.monotonicMs();
  }

  async run(output: Output, command: Command): Promise<void> {
    const { wait } = this.#choice;
    const loaded = await this.#load();
    const ready = await this.#untilReady();
    const redriven = await this.#redrive(ready);
    const sinceMs = this.#passedMs();
    const end = wait ? await this.#untilEnded(ready, sinceMs) : { followed: 0, left: [] };
    const json = {
      loaded,
      redriven: redriven.answers.map(({ service, value: { due } }) => ({ service, due })),
      followed: end.followed,
      left: end.left,
      endedAfterMs: Math.round(this.#passedMs() - sinceMs),
    };
    output.show(command, { json, text: () => resultText(json, wait) });
    this.#assertWhole(ready, redriven);
    if (end.left.length === 0) return;
    throw new CliError(
      exitCodes.failed,
      `${end.left.length} sagas have not ended: ${plain(end.left.slice(0, 5).join(", "))}`,
    );
  }

  async #load() {
    const { connect, topologyOf, clock, passwordOf } = this.#options;
    const { vhost, partitions, tiers } = this.#choice;
    const client = connect(vhost) as Loading;
    for (;;) {
      try {
        await client.call("GET", "/api/overview");
        break;
      } catch (error) {
        if (this.#passedMs() > readyWithinMs) return await reached(Promise.reject(error));
        await clock.delay(lookEveryMs);
      }
    }
    const { left, ...loaded } = await reached(loadTopology(client, topologyOf(partitions, tiers), passwordOf));
    this.#tell(`RabbitMQ has ${loaded.queueCount} queues and ${loaded.bindingCount} bindings`);
    for (const { state, subject, name } of left) this.#tell(`${state} ${subject} ${name}: see mesh topology diff`);
    if (left.length === 0) return loaded;
    throw new CliError(exitCodes.differs, `${left.length} differences are left in RabbitMQ`);
  }

  /** @returns Services that have their mailboxes again. */
  async #untilReady(): Promise<readonly ServiceAddress[]> {
    const { mesh, clock } = this.#options;
    const startMs = this.#passedMs();
    const ready = new Set<ServiceAddress>();
    for (;;) {
      await Promise.all(
        mesh.services.filter((service) => !ready.has(service)).map(async (service) => {
          if (await isReady(mesh, service.name)) ready.add(service);
        }),
      );
      const away = mesh.services.filter((service) => !ready.has(service)).map(({ name }) => name);
      if (away.length === 0) {
        this.#tell("every service is ready");
        return mesh.services;
      }
      if (this.#passedMs() - startMs > readyWithinMs) {
        this.#tell(`going on without ${away.join(", ")}, not ready within ${readyWithinMs / 1_000} s`);
        return mesh.services.filter((service) => ready.has(service));
      }
      await clock.delay(lookEveryMs);
    }
  }

  async #redrive(ready: readonly ServiceAddress[]): Promise<Gathered<{ readonly due: number }>> {
    const { mesh, clock } = this.#options;
    const ask = {
      body: { reason: this.#choice.reason },
      schema: z.object({ due: z.number() }),
    };
    const redriven = await gather(ready, async (service) => {
      for (let attempt = 1;; attempt += 1) {
        try {
          return await mesh.post(service, "/operator/v1/outbox/redrive", ask);
        } catch (error) {
          // Its log may have moved on, or a turn taken long; making due what is due already changes nothing.
          const isLasting = error instanceof CliError && error.exitCode === exitCodes.notAllowed;
          if (attempt === 3 || isLasting) throw error;
          await clock.delay(lookEveryMs);
        }
      }
    });
    const due = redriven.answers.reduce((sum, { value }) => sum + value.due, 0);
    this.#tell(`${due} messages of ${redriven.answers.length} outboxes are on their way again`);
    return redriven;
  }

  /** Waits until nothing from before `sinceMs` is unanswered, and then for the end of every saga that is unfinished. */
  async #untilEnded(ready: readonly ServiceAddress[], sinceMs: number) {
    const { clock } = this.#options;
    const untilMs = this.#passedMs() + this.#choice.within;
    const seen = new Set<string>();
    let isAnswered = false;
    for (let told = -1;;) {
      try {
        const isFollowing = isAnswered;
        isAnswered ||= await this.#isAnswered(ready, sinceMs);
        const open = await this.#unfinished();
        // What was asked before has led to its saga by now; what begins later is not waited for.
        if (!isFollowing) { for (const stream of open) seen.add(stream); }
        const left = open.filter((stream) => seen.has(stream));
        if (left.length !== told) this.#tell(`${left.length} sagas are unfinished`);
        told = left.length;
        if ((isAnswered && left.length === 0) || this.#passedMs() > untilMs) return { followed: seen.size, left };
      } catch (error) {
        // A service that is busy, or restarts, is asked again.
        const isPassing = error instanceof CliError && error.exitCode === exitCodes.unavailable;
        if (!isPassing || this.#passedMs() > untilMs) throw error;
      }
      await clock.delay(lookEveryMs);
    }
  }

  async #isAnswered(ready: readonly ServiceAddress[], sinceMs: number): Promise<boolean> {
    const { mesh } = this.#options;
    const asked = await gather(ready, (service) => mesh.get(service, "/operator/v1/status", Status));
    const ageMs = this.#passedMs() - sinceMs;
    return asked.failures.length === 0 &&
      asked.answers.every(({ value: { outboxCount, unansweredOldestMs } }) =>
        outboxCount === 0 || unansweredOldestMs < ageMs
      );
  }

  async #unfinished(): Promise<readonly string[]> {
    const { mesh, sagaHost } = this.#options;
    const streams: string[] = [];
    while (streams.length < followedMax) {
      const query = new URLSearchParams({ limit: String(pageMax), views: "none" });
      const last = streams.at(-1);
      if (last !== undefined) query.set("after", last);
      const { items } = await mesh.get(sagaHost, `/operator/v1/instances?${query}`, Instances);
      streams.push(...items.map(({ stream }) => stream));
      if (items.length < pageMax) break;
    }
    // Sagas move while their pages are read, and one may be seen twice.
    return [...new Set(streams)];
  }

  #assertWhole(ready: readonly ServiceAddress[], redriven: Gathered<unknown>): void {
    assertAllAnswered(redriven);
    const away = this.#options.mesh.services.filter((service) => !ready.includes(service)).map(({ name }) => name);
    if (away.length === 0) return;
    throw new CliError(exitCodes.unavailable, `Not recovered: ${away.join(", ")}. Start them and ask again`);
  }

  #passedMs(): number {
    return this.#options.clock.monotonicMs() - this.#startMs;
  }

  /** On standard error, so that the result can be piped on. */
  #tell(line: string): void {
    this.#print(`${(this.#passedMs() / 1_000).toFixed(1).padStart(6)} s  ${plain(line)}`);
  }
}

async function isReady(mesh: MeshAccess, service: string): Promise<boolean> {
  try {
    await mesh.get(service, "/health/ready", z.unknown());
    return true;
  } catch (error) {
    if (error instanceof CliError && error.exitCode === exitCodes.unavailable) return false;
    throw error;
  }
}

interface Result {
  readonly redriven: readonly { readonly due: number }[];
  readonly followed: number;
  readonly left: readonly string[];
  readonly endedAfterMs: number;
}

function resultText({ redriven, followed, left, endedAfterMs }: Result, wait: boolean): string {
  const due = redriven.reduce((sum, one) => sum + one.due, 0);
  const sent = `${due} messages were sent again by ${redriven.length} services`;
  if (!wait) return sent;
  const seconds = (endedAfterMs / 1_000).toFixed(1);
  return left.length === 0
    ? `${sent}; every unfinished saga had ended ${seconds} s later`
    : `${sent}; ${left.length} of ${followed} unfinished sagas have not ended ${seconds} s later`;
}
