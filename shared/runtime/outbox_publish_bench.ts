/**
 * What the publisher of committed envelopes costs beside the broker's channel alone, with a broker in memory.
 *
 * `deno bench --allow-all shared/runtime/outbox_publish_bench.ts`
 *
 * @module
 */
import { ManualClock, systemIds } from "@mesh/base";
import { destinationOf } from "@mesh/contract";
import { MemoryDatabase, MemoryStore, type OutboxEntry } from "@mesh/store";
import { silentLog } from "./log.ts";
import { silentMeter } from "./meter.ts";
import { OutboxPublisher } from "./outbox_publisher.ts";
import { defaultSettings } from "./settings.ts";
import { Counted, World } from "./test_world.ts";

const world = await World.open();
const channel = await (await world.server.connect("counter")).openPublisher({ bundleMax: defaultSettings.bundleMax });
const clock = new ManualClock();
const outbox = new OutboxPublisher({
  publisher: channel,
  store: new MemoryStore({ clock, database: new MemoryDatabase() }),
  clock,
  log: silentLog,
  meter: silentMeter,
  partitions: 1,
  settings: defaultSettings,
});
const ids = systemIds(clock);
const envelope = "e".repeat(1_000);
const body = new TextEncoder().encode(envelope);

function entries(count: number): readonly OutboxEntry[] {
  return Array.from({ length: count }, (_, at) => {
    const [id, messageId] = [ids.next(), ids.next()];
    const message = Counted({ id: `thing-${at}`, total: 1 });
    const about = { type: message.type, correlation: messageId, headers: {}, isMandatory: false, sentCount: 0 };
    const destination = destinationOf({ ...message, correlation: messageId });
    return { id, kind: "event", messageId, orderKey: `counter/thing-${at}`, envelope, ...about, ...destination };
  });
}

for (const count of [1, 64]) {
  const group = `outbox of ${count}`;

  Deno.bench(`outbox: ${count} through the channel alone`, { group, baseline: true }, async (bench) => {
    const made = entries(count);
    bench.start();
    await Promise.all(made.map((entry) => channel.publish({ ...entry, body, bundleKey: "all" })));
    bench.end();
  });

  Deno.bench(`outbox: publish ${count} and hear that they are confirmed`, { group }, async (bench) => {
    const made = entries(count);
    let confirmed = 0;
    bench.start();
    outbox.enqueue(made);
    while (confirmed < count) {
      await Promise.resolve();
      confirmed += outbox.takeSettled().confirmed.length;
    }
    bench.end();
  });
}
