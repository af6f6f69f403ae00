import { deepStrictEqual as assertEquals, rejects as assertRejects, strictEqual } from "node:assert/strict";
import type { AnyCommand } from "@mesh/contract";
import { FirstMessages } from "./first_messages.ts";
import { Break, Count, World } from "./test_world.ts";

Deno.test("a type counts as a first message after 16 empty streams in a row, until one is not empty", () => {
  const first = new FirstMessages();
  for (let seen = 0; seen < 16; seen += 1) {
    strictEqual(first.isFirst("counter.count"), false);
    first.observe("counter.count", true);
  }
  assertEquals([first.isFirst("counter.count"), first.isFirst("counter.break")], [true, false]);
  first.observe("counter.count", false);
  strictEqual(first.isFirst("counter.count"), false);
});

/**
 * A counter that has seen 16 actors begin with a command, and counts how often it asks the database for streams.
 *
 * @param known An actor with one event that the running process does not remember.
 */
async function openCounter(make: (id: string) => AnyCommand, known?: string) {
  const world = await World.open();
  await world.startCounter();
  if (known !== undefined) {
    await world.service("counter").execute(Count({ id: known }));
    await world.crash("counter");
    await world.startCounter();
  }
  const store = world.store("counter");
  const run = (command: AnyCommand) => world.service("counter").execute(command);
  for (let at = 0; at < 16; at += 1) await run(make(`new-${at}`));
  const loadStreams = store.loadStreams.bind(store);
  const asked: string[] = [];
  store.loadStreams = (streams, stateVersion) => {
    asked.push(...streams.filter((stream) => stream !== "counter/log-p0"));
    return loadStreams(streams, stateVersion);
  };
  return { world, store, asked, run, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() };
}

const totals = (events: readonly { readonly data: unknown }[]) =>
  events.map(({ data }) => (data as { readonly total: number }).total);

Deno.test("an actor that begins as all before it is not looked for in the database", async () => {
  await using counter = await openCounter((id) => Count({ id }));

  const first = await counter.run(Count({ id: "another" }));
  const second = await counter.run(Count({ id: "another" }));

  assertEquals([totals([...first, ...second]), counter.asked], [[1, 2], []]);
});

Deno.test("a wrong guess is decided again on what is true, and costs the next ones their trust", async () => {
  await using counter = await openCounter((id) => Count({ id }), "old");

  assertEquals(totals(await counter.run(Count({ id: "old" }))), [2]);
  assertEquals((await counter.store.readStream("counter/old", 1, 10)).length, 2);
  await counter.run(Count({ id: "after" }));

  assertEquals(counter.asked, ["counter/old", "counter/after"]);
});

Deno.test("what fails on a wrong guess is tried on what is true before it counts as failed", async () => {
  await using counter = await openCounter((id) => Break({ id }), "old");
  counter.world.mood.isStrict = true;

  const [event] = await counter.run(Break({ id: "old" }));

  assertEquals([event!.type, counter.asked], ["counter.repaired", ["counter/old"]]);
  await assertRejects(counter.run(Break({ id: "truly-new" })), { code: "dependency.unavailable" });
});
