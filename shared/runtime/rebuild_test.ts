import { deepStrictEqual as assertEquals, rejects as assertRejects } from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Cause } from "@mesh/actor";
import { noWrites, type ProjectionRow } from "@mesh/store";
import { defineProjection } from "./projection.ts";
import { askerService, Count, Counted, Uncount, World } from "./test_world.ts";

const operator: Cause = { subject: "0198d6f0-0000-7000-8000-000000000005", via: "operator" };

/** Everything that has happened to a counter, in order. */
const totals = defineProjection<readonly string[]>({
  name: "totals",
  subscribes: askerService.subscribes.map(({ event }) => event),
  keyOf: ({ key }) => key,
  initialRow: () => [],
  apply: (row, { type, position }) => [...row, `${position} ${type === Counted.type ? "counted" : "uncounted"}`],
  ownerOf: () => "",
  sortOf: (_row, key) => key,
});

async function openWorld() {
  const world = await World.open();
  await world.startCounter();
  await world.startReader([totals]);
  const reader = () => world.store("asker");
  const count = (...ids: readonly string[]) => Promise.all(ids.map((id) => world.service("asker").send(Count({ id }))));
  const rows = async (): Promise<readonly ProjectionRow[]> =>
    await reader().listRows({ projection: "totals", generation: await reader().readGeneration("totals"), limit: 100 });
  const lengthOf = async (key: string) =>
    ((await rows()).find((row) => row.key === key)?.row as readonly string[] | undefined)?.length ?? 0;
  const status = () => world.service("asker").operations.listRebuilds()[0]?.progress?.status;
  return { world, reader, count, rows, lengthOf, status };
}

/** What a rebuild must bring back: everything but how often the row was written. */
function contentOf(rows: readonly ProjectionRow[]) {
  return rows.map(({ key, owner, sort, seen, row }) => ({ key, owner, sort, seen, row }));
}

Deno.test("a read model that was dropped and is rebuilt equals the old one row by row", async () => {
  const { world, reader, count, rows, lengthOf, status } = await openWorld();
  await using _world = world;
  await count("a", "b", "a", "c");
  await world.service("asker").send(Uncount({ id: "a" }));
  await world.until("projected", async () => await lengthOf("a") === 3 && (await rows()).length === 3);
  const before = contentOf(await rows());

  await reader().dropRows("totals", 1);
  assertEquals(await rows(), []);
  const started = await world.service("asker").operations.rebuild("totals", "it was dropped", operator);
  assertEquals([started?.status, started?.generation], ["running", 2]);
  await world.until("rebuilt", () => status() === "done");

  assertEquals(contentOf(await rows()), before);
  assertEquals([await reader().readGeneration("totals"), before.length], [2, 3]);
});

Deno.test("what happens during a rebuild is in the old and in the new read model", async () => {
  const { world, reader, count, rows, lengthOf, status } = await openWorld();
  await using _world = world;
  await count("a", "b");
  await world.until("projected", async () => (await rows()).length === 2);

  // The owner's feed is away, so the rebuild waits in the middle.
  world.feedAnswers = false;
  await world.service("asker").operations.rebuild("totals", "test", operator);
  await world.clock.advance(1_000);
  await count("a", "d");
  await world.until("live", async () => await lengthOf("a") === 2 && await lengthOf("d") === 1);
  assertEquals([status(), await reader().readGeneration("totals")], ["running", 1]);
  const before = contentOf(await rows());

  world.feedAnswers = true;
  await world.until("rebuilt", () => status() === "done");
  assertEquals(contentOf(await rows()), before);

  await count("a");
  await world.until("goes on", async () => await lengthOf("a") === 3);
});

Deno.test("nothing is left of the old generation, nor of a rebuild that died", async () => {
  const { world, reader, count, rows, status } = await openWorld();
  await using _world = world;
  await count("a");
  await world.until("projected", async () => (await rows()).length === 1);
  const [row] = await rows();
  await reader().commit({ ...noWrites, rows: [{ ...row!, generation: 2, key: "stale", revision: 0 }] });

  await world.service("asker").operations.rebuild("totals", "test", operator);
  await world.until("rebuilt", () => status() === "done");
  assertEquals((await rows()).map(({ key }) => key), ["a"]);
  assertEquals(await reader().listRows({ projection: "totals", generation: 1, limit: 10 }), []);
});

Deno.test("a rebuild takes no event whose signature does not verify, and nothing of its stream behind it", async () => {
  const { world, count, rows, status } = await openWorld();
  await using _world = world;
  await count("a", "b", "a", "b", "a");
  await world.until("projected", async () => (await rows()).length === 2);
  const before = contentOf(await rows());

  for (const forge of [retold, flipped]) {
    let forgedCount = 0;
    world.alterPage = (page) => ({
      ...page,
      items: page.items.map((item) => {
        if (!isSecondOfA(item.envelope)) return item;
        forgedCount += 1;
        return { ...item, envelope: forge(item.envelope) };
      }),
    });
    await world.service("asker").operations.rebuild("totals", "test", operator);
    await world.until("rebuilt", () => status() === "done");
    const progress = world.service("asker").operations.listRebuilds()[0]?.progress;
    assertEquals([(await rows()).map(({ seen }) => seen), progress?.refusedCount], [
      [{ "counter/b": 2 }, { "counter/a": 1 }],
      forgedCount,
    ]);
  }

  world.alterPage = (page) => page;
  await world.service("asker").operations.rebuild("totals", "test", operator);
  await world.until("rebuilt", () => status() === "done");
  assertEquals(contentOf(await rows()), before);
});

/** An envelope that says something else under the same signature. */
function retold(envelope: string): string {
  const [header, payload, proof] = envelope.split(".") as [string, string, string];
  const claims = Buffer.from(payload, "base64url").toString().replace("counted", "uncounted");
  return `${header}.${Buffer.from(claims).toString("base64url")}.${proof}`;
}

/** The same envelope with another bit in its signature. */
function flipped(envelope: string): string {
  const at = envelope.lastIndexOf(".") + 10;
  return `${envelope.slice(0, at)}${envelope[at] === "A" ? "B" : "A"}${envelope.slice(at + 1)}`;
}

function isSecondOfA(envelope: string): boolean {
  const { sub, n } = JSON.parse(Buffer.from(envelope.split(".")[1]!, "base64url").toString());
  return sub === "counter/a" && n === 2;
}

Deno.test("one rebuild at a time, only of what there is, and each on record", async () => {
  const { world, reader, status } = await openWorld();
  await using _world = world;
  const { operations } = world.service("asker");
  assertEquals(await operations.rebuild("nothing", "test", operator), undefined);
  assertEquals(operations.listRebuilds(), [{ projection: "totals" }]);
  await operations.rebuild("totals", "test", operator);
  await assertRejects(operations.rebuild("totals", "test", operator), { code: "store.conflict" });
  await world.until("rebuilt", () => status() === "done");
  const { items } = await reader().readFeed({ after: "", types: ["asker.operator-acted"], limit: 10 });
  assertEquals(items.length, 1);
});

Deno.test("an event that shows a gap waits until the owner's feed has filled it", async () => {
  const { world, count, lengthOf, rows } = await openWorld();
  await using _world = world;
  await count("a");
  await world.until("projected", async () => await lengthOf("a") === 1);
  // The second event reaches the queue of a reader that is down, and is lost with it.
  await count("a");
  await world.crash("asker");
  const happened = async () => (await world.store("counter").readFeed({ after: "", limit: 9 })).items.length;
  await world.until("counted", async () => await happened() === 2);
  world.server.wipe();
  await world.loadTopology();
  world.feedAnswers = false;
  await world.startReader([totals]);

  await count("a");
  await world.until("counted again", async () => await happened() === 3);
  await world.clock.advance(100);
  assertEquals(await lengthOf("a"), 1);
  world.feedAnswers = true;
  await world.until("complete", async () => await lengthOf("a") === 3);

  assertEquals((await rows()).map(({ seen, row }) => [seen, row]), [
    [{ "counter/a": 3 }, ["1 counted", "2 counted", "3 counted"]],
  ]);
});
