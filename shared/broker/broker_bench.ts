// deno-lint-ignore-file mesh/import-direction mesh/no-console -- A measurement starts its own server and prints.
import { dirname } from "node:path";
import process from "node:process";
import { systemClock } from "@mesh/base";
import { processesIn, startInfra } from "@mesh/testing/infra";
import { cpuMsOf } from "@mesh/testing/machine";
import { AmqpWorld } from "./conformance/amqp_world.ts";
import { command, conformanceTopology } from "./conformance/world.ts";
import { type Broker, connectBroker, type Consumer, type OutgoingMessage, type Publisher } from "./mod.ts";

/** As long as a signed envelope usually is. */
const body = new Uint8Array(1_000).fill(101);
const headers = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };
/** Envelopes of one measurement. */
const count = 16_384;
/** As the runtime's publisher and turns have it: so many unconfirmed, and so many at once. */
const [windowMax, batchMax] = [256, 64];

/**
 * What one envelope costs on its way to a queue and from there, alone and in bundles, for us and for the broker:
 * published in bursts of 64, as a turn does, with a window of 256 confirms, then taken and acknowledged in batches of 64.
 *
 * `deno run --allow-all shared/broker/broker_bench.ts [rounds]`
 */
if (import.meta.main) {
  await using infra = await startInfra({ wants: ["rabbitmq"] });
  await using world = await AmqpWorld.open(infra.broker, conformanceTopology(1));
  // Not through the world's proxy, whose work would count as ours.
  const connect = (user: string) => {
    const url = new URL(world.urlOf(user));
    url.port = new URL(infra.broker.amqpUrl).port;
    return connectBroker({ url: url.href, connectionName: `${user} of the bench`, clock: systemClock });
  };
  const brokerPids = infra.broker.logFile === undefined ? [] : processesIn(dirname(infra.broker.logFile));
  const rounds = Number(Deno.args[0] ?? 3);
  for (const bundleMax of [1, 4, 16, 64]) await measure({ connect, bundleMax, rounds, brokerPids });
}

interface Course {
  readonly connect: (user: string) => Promise<Broker>;
  readonly bundleMax: number;
  readonly rounds: number;
  readonly brokerPids: readonly number[];
}

async function measure({ connect, bundleMax, rounds, brokerPids }: Course): Promise<void> {
  await using planner = await connect("planner");
  await using shelf = await connect("shelf");
  const publisher = await planner.openPublisher({ bundleMax });
  const published: Figures[] = [];
  const consumed: Figures[] = [];
  // The first round warms up.
  for (let round = 0; round <= rounds; round += 1) {
    const publishing = await timed(brokerPids, () => publishAll(publisher));
    const consumer = await shelf.openConsumer({ queues: [{ queue: "shelf.in.p0" }], prefetch: 256 });
    const consuming = await timed(brokerPids, () => consumeAll(consumer));
    await consumer[Symbol.asyncDispose]();
    if (round > 0) {
      published.push(publishing);
      consumed.push(consuming);
    }
  }
  console.log(`bundles of ${bundleMax}: publish ${summary(published)}; consume ${summary(consumed)}`);
}

async function publishAll(publisher: Publisher): Promise<void> {
  let next = 0;
  const publishBursts = async () => {
    while (next < count) {
      const first = next;
      next += batchMax;
      await Promise.all(Array.from({ length: batchMax }, (_, at) => publisher.publish(message(`m${first + at}`))));
    }
  };
  await Promise.all(Array.from({ length: windowMax / batchMax }, publishBursts));
}

function message(id: string): OutgoingMessage {
  return command(id, { body, headers, bundleKey: "all", correlationId: "0197b3c0-0000-7000-8000-000000000001" });
}

async function consumeAll(consumer: Consumer): Promise<void> {
  for (let taken = 0; taken < count;) {
    const batch = await consumer.take(Math.min(batchMax, count - taken));
    taken += batch.length;
    consumer.ackThrough(batch.at(-1)!);
  }
}

interface Figures {
  readonly perSecond: number;
  readonly clientMicros: number;
  readonly brokerMicros: number;
}

/** Per envelope. */
async function timed(brokerPids: readonly number[], work: () => Promise<void>): Promise<Figures> {
  const startMs = systemClock.monotonicMs();
  const ours = process.cpuUsage();
  const theirs = brokerMicros(brokerPids);
  await work();
  const { user, system } = process.cpuUsage(ours);
  return {
    perSecond: count / (systemClock.monotonicMs() - startMs) * 1_000,
    clientMicros: (user + system) / count,
    brokerMicros: (brokerMicros(brokerPids) - theirs) / count,
  };
}

function brokerMicros(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + 1_000 * cpuMsOf(pid), 0);
}

function summary(figures: readonly Figures[]): string {
  const median = (of: (figures: Figures) => number) =>
    figures.map(of).sort((a, b) => a - b)[Math.floor(figures.length / 2)]!.toFixed(0);
  return `${median((f) => f.perSecond)}/s, CPU ${median((f) => f.clientMicros)} µs here, ` +
    `${median((f) => f.brokerMicros)} µs broker`;
}
