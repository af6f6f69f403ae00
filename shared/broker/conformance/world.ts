import { rejects } from "node:assert/strict";
import { systemClock, UnavailableError } from "@mesh/base";
import { commandsExchange, type Destination, destinationOf, eventsExchange } from "@mesh/contract";
import type { Broker, Consumer, Delivery, OutgoingMessage, Publisher, PublishOutcome } from "../broker.ts";
import type { BrokerReason } from "../refusal.ts";
import { brokerTopology } from "../service_topology.ts";
import type { BrokerTopology } from "../topology.ts";
import { conformanceServices, PutAway, WasPutAway } from "./services.ts";

/** A broker server that a test has for itself, empty but for its topology. */
export interface ConformanceWorld extends AsyncDisposable {
  /** Connects as one of the topology's users; the world closes it at its end if the test did not. */
  connect(user: string): Promise<Broker>;
  /** Ends every connection without a goodbye. */
  cutConnections(): void;
  /** Lets nothing of the server reach its clients until connections are cut, so that confirms stay away. */
  holdAnswers(): void;
  /** Deletes a queue with all that it holds. */
  deleteQueue(name: string): Promise<void>;
  /** Loads the topology again, which brings back what was deleted. */
  restore(): Promise<void>;
  /** Makes time pass where time is not real. */
  passTime(durationMs: number): Promise<void>;
}

/** Makes worlds for one adapter. */
export interface ConformanceHarness {
  openWorld(topology: BrokerTopology): Promise<ConformanceWorld>;
}

/** Delay of the first tier, in milliseconds; as short as the slowest broker times reliably. */
export const tierMs = 100;

/** The topology of the conformance services. */
export function conformanceTopology(partitions: number): BrokerTopology {
  return brokerTopology(conformanceServices, { partitions, tiersMs: [tierMs, 60_000] });
}

/** A command to `shelf`, by id. */
export function command(id: string, changes: Partial<OutgoingMessage> = {}): OutgoingMessage {
  const { routingKey } = destinationOf({ kind: "command", type: PutAway.type, version: 1, key: "a", correlation: "" });
  return message(id, { exchange: commandsExchange, routingKey }, PutAway.type, { isMandatory: true, ...changes });
}

/** An event of `shelf`, by id. */
export function event(id: string, changes: Partial<OutgoingMessage> = {}): OutgoingMessage {
  const address = { kind: "event", type: WasPutAway.type, version: 1, key: "a", correlation: "b" } as const;
  return message(
    id,
    { exchange: eventsExchange, routingKey: destinationOf(address).routingKey },
    WasPutAway.type,
    changes,
  );
}

function message(
  id: string,
  { exchange, routingKey }: Destination,
  type: string,
  changes: Partial<OutgoingMessage>,
): OutgoingMessage {
  const body = new TextEncoder().encode(`body of ${id}`);
  return { exchange, routingKey, body, messageId: id, type, isMandatory: false, headers: {}, ...changes };
}

/** 20 s: how long a fact may take to come about before a test gives up; a loaded machine is slow. */
const patienceMs = 20_000;

/**
 * Takes until it has as many deliveries as wanted.
 *
 * @throws {Error} If they do not come in time; the message says what came.
 */
export async function takeExactly(consumer: Consumer, count: number): Promise<readonly Delivery[]> {
  const taken: Delivery[] = [];
  await withPatience(async (signal) => {
    while (taken.length < count && !signal.aborted) taken.push(...await consumer.take(count - taken.length, signal));
  });
  if (taken.length < count) throw new Error(`Cannot take ${count}: got [${idsOf(taken)}]`);
  return taken;
}

/** Message ids, in order. */
export function idsOf(deliveries: readonly Delivery[]): readonly (string | undefined)[] {
  return deliveries.map(({ messageId }) => messageId);
}

/** Waits until something is so; asks again every few milliseconds, and lets the world's time pass meanwhile. */
export async function eventually(world: ConformanceWorld, isSo: () => boolean | Promise<boolean>): Promise<void> {
  let isDone = false;
  await withPatience(async (signal) => {
    while (!(isDone = await isSo()) && !signal.aborted) {
      await world.passTime(100);
      await systemClock.delay(5, signal);
    }
  });
  if (!isDone) throw new Error(`Cannot go on: not so within ${patienceMs} ms: ${isSo}`);
}

/** Publishes, again and again while there is no connection or channel. */
export async function publishWhenUp(
  world: ConformanceWorld,
  publisher: Publisher,
  outgoing: OutgoingMessage,
): Promise<PublishOutcome> {
  let outcome: PublishOutcome | undefined;
  await eventually(world, async () => {
    try {
      outcome = await publisher.publish(outgoing);
      return true;
    } catch (error) {
      if (error instanceof UnavailableError && error.reason === "connection-lost") return false;
      throw error;
    }
  });
  return outcome!;
}

/** Asserts that the broker refuses a publish, for this reason. */
export async function refuses(publisher: Publisher, outgoing: OutgoingMessage, reason: BrokerReason): Promise<void> {
  await rejects(publisher.publish(outgoing), (error) => error instanceof UnavailableError && error.reason === reason);
}

async function withPatience(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const patience = new AbortController();
  const done = new AbortController();
  const timer = systemClock.delay(patienceMs, done.signal).then(() => patience.abort());
  try {
    await work(patience.signal);
  } finally {
    done.abort();
    await timer;
  }
}
