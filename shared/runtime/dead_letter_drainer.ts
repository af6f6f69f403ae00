import { type Clock, errorText, type IdSource } from "@mesh/base";
import type { Broker, Delivery } from "@mesh/broker";
import { noWrites, type Store } from "@mesh/store";
import { keptBody } from "./intake.ts";
import type { Log } from "./log.ts";

/** What the drainer needs. */
export interface DeadLetterDrainerOptions {
  readonly service: string;
  readonly broker: Broker;
  readonly store: Store;
  readonly ids: IdSource;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Moves what the broker itself dead-lettered (a message that took the process down with it again and again) from
 * `<service>.dead` into the dead-letter table, until `signal` aborts.
 */
export async function drainDeadLetters(options: DeadLetterDrainerOptions, signal: AbortSignal): Promise<void> {
  const { service, broker, store, ids, clock, log } = options;
  await using consumer = await broker.openConsumer({ queues: [{ queue: `${service}.dead` }], prefetch: 50 });
  while (!signal.aborted) {
    const deliveries = await consumer.take(50, signal);
    const last = deliveries.at(-1);
    while (last !== undefined && !signal.aborted) {
      try {
        await store.commit({ ...noWrites, deadLetters: deliveries.map((delivery) => entryOf(delivery, service, ids)) });
        consumer.ackThrough(last);
        log.error("The broker gave up on {count} messages; they are dead letters now", { count: deliveries.length });
        break;
      } catch (error) {
        log.warn("Cannot keep dead letters: {error}", { error: errorText(error) });
        await clock.delay(1_000, signal);
      }
    }
  }
}

/** A bundle dies as a whole and comes as single deliveries, so that each of its envelopes can be looked at and redriven. */
function entryOf({ body, messageId, type, userId, headers, lastDeath }: Delivery, service: string, ids: IdSource) {
  return {
    id: ids.next(),
    messageId: messageId ?? "",
    type: type ?? "",
    class: "broker" as const,
    reason: lastDeath?.reason.replace("_", "-") ?? "delivery-limit",
    detail: "The broker dead-lettered it after its delivery limit",
    attempts: 0,
    queue: lastDeath?.queue ?? `${service}.in.p0`,
    userId: userId ?? "",
    correlation: "",
    ...keptBody(body),
    headers,
  };
}
