/**
 * What the runtime's own work costs in a turn, with broker and store in memory: taking deliveries, verifying and reading
 * them, deciding, signing, committing and publishing the answers. `shared/store/append_bench.ts` has the database's part.
 *
 * `deno bench --allow-all shared/runtime/turn_bench.ts`
 *
 * @module
 */
import { type AnyCommand, type AnyEvent, destinationOf } from "@mesh/contract";
import { commandClaims, eventClaims, signEnvelope } from "@mesh/envelope";
import type { OutgoingMessage, Publisher } from "@mesh/broker";
import { setImmediate } from "node:timers";
import { defineProjection } from "./projection.ts";
import { Count, Counted, World } from "./test_world.ts";

const nowMs = 1_767_225_600_000;
const keysMax = 64;
const encoder = new TextEncoder();

async function openCounter() {
  const world = await World.open();
  await world.startCounter();
  return { world, publisher: await (await world.server.connect("asker")).openPublisher({}) };
}

/** A read model that counts, fed by the counter's events. */
const totals = defineProjection<{ readonly total: number }>({
  name: "totals",
  subscribes: [Counted],
  keyOf: ({ key }) => key,
  initialRow: () => ({ total: 0 }),
  apply: (_row, { data }) => ({ total: (data as { readonly total: number }).total }),
  ownerOf: () => "",
  sortOf: (_row, key) => key,
});

async function openReader() {
  const world = await World.open();
  await world.startReader([totals]);
  return { world, publisher: await (await world.server.connect("counter")).openPublisher({}) };
}

const counter = await openCounter();
const reader = await openReader();

function messageOf(message: AnyCommand | AnyEvent, id: string, token: string): OutgoingMessage {
  const correlation = "bench";
  return {
    ...destinationOf({ ...message, correlation }),
    messageId: id,
    type: message.type,
    correlationId: correlation,
    headers: {},
    body: encoder.encode(token),
    isMandatory: message.kind === "command",
  };
}

/** Commands for as many actors, signed before the clock starts. */
function commands(count: number): readonly OutgoingMessage[] {
  return Array.from({ length: count }, (_, at) => {
    const id = counter.world.ids.next();
    const message = Count({ id: `thing-${at}` });
    const claims = commandClaims({ message, id, service: "asker", correlation: "bench", causation: null, nowMs });
    return messageOf(message, id, signEnvelope(claims, counter.world.keys.asker.key).token);
  });
}

const heads = new Map<string, { readonly n: number; readonly prv: string }>();

/** The next events of as many streams. */
function events(count: number): readonly OutgoingMessage[] {
  return Array.from({ length: count }, (_, at) => {
    const id = reader.world.ids.next();
    const key = `thing-${at}`;
    const n = (heads.get(key)?.n ?? 0) + 1;
    const message = Counted({ id: key, total: n });
    const about = { message, id, service: "counter", correlation: "bench", causation: null, nowMs, re: [] };
    const claims = eventClaims({ ...about, n, prv: heads.get(key)?.prv ?? null });
    const { token, hash } = signEnvelope(claims, reader.world.keys.counter.key);
    heads.set(key, { n, prv: hash });
    return messageOf(message, id, token);
  });
}

async function deliver(
  publisher: Publisher,
  messages: readonly OutgoingMessage[],
  isDone: () => boolean | Promise<boolean>,
): Promise<void> {
  const published = messages.map((message) => publisher.publish(message));
  while (!await isDone()) await new Promise((resolve) => setImmediate(resolve));
  await Promise.all(published);
}

for (const count of [1, keysMax]) {
  Deno.bench(`turn: ${count} commands, answered`, { group: `turn of ${count}`, baseline: true }, async (bench) => {
    const { world: { published }, publisher } = counter;
    const messages = commands(count);
    const until = published.length + count;
    bench.start();
    await deliver(publisher, messages, () => published.length >= until);
    bench.end();
  });

  Deno.bench(`turn: ${count} events into a read model`, { group: `turn of ${count}` }, async (bench) => {
    const { world, publisher } = reader;
    const messages = events(count);
    const until = heads.get(`thing-${count - 1}`)!.n;
    bench.start();
    await deliver(publisher, messages, async () => {
      const [found] = await world.store("asker").loadRows("totals", 1, [`thing-${count - 1}`]);
      return (found?.row as { readonly total: number } | undefined)?.total === until;
    });
    bench.end();
  });
}
