import { deepStrictEqual as assertEquals, rejects as assertRejects } from "node:assert/strict";
import type { FeedPage } from "@mesh/store";
import { MergedFeeds } from "./merged_feeds.ts";

/** Feeds by owner: for each event when it was recorded; pages of two. */
function feedsOf(recorded: Readonly<Record<string, readonly number[]>>, asked: string[] = []) {
  return (owner: string, after: string): Promise<FeedPage> => {
    asked.push(`${owner} ${after || 0}`);
    const times = recorded[owner] ?? [];
    const from = Number(after);
    const items = times.slice(from, from + 2).map((recordedAtMs, at) => ({
      cursor: `${from + at + 1}`,
      envelope: `${owner} ${recordedAtMs}`,
      recordedAtMs,
    }));
    const next = items.at(-1)?.cursor ?? after;
    return Promise.resolve({ items, next, hasMore: Number(next) < times.length, completeUntilMs: 0 });
  };
}

async function readAll(feeds: MergedFeeds, countMax: number): Promise<readonly string[]> {
  const read: string[] = [];
  for (;;) {
    const items = await feeds.next(countMax);
    if (items.length === 0) return read;
    read.push(...items.map(({ envelope }) => envelope));
  }
}

Deno.test("several feeds are read as one, in the order of recording, whatever the pages and portions", async () => {
  const recorded = { a: [1, 4, 5, 9], b: [], c: [2, 3, 6, 7, 8], d: [10] };
  for (const countMax of [1, 3, 100]) {
    const feeds = new MergedFeeds(Object.keys(recorded), feedsOf(recorded));

    assertEquals(
      await readAll(feeds, countMax),
      ["a 1", "c 2", "c 3", "a 4", "a 5", "c 6", "c 7", "c 8", "a 9", "d 10"],
    );
    assertEquals([...feeds.cursors], [["a", "4"], ["b", ""], ["c", "5"], ["d", "1"]]);
  }
});

Deno.test("a feed keeps its own order where its clock went back", async () => {
  const feeds = new MergedFeeds(["a", "b"], feedsOf({ a: [5, 1, 7], b: [2, 6] }));

  assertEquals(await readAll(feeds, 9), ["b 2", "a 5", "a 1", "b 6", "a 7"]);
});

Deno.test("the next page is asked for before the last one is used up, and none after the end", async () => {
  const asked: string[] = [];
  const feeds = new MergedFeeds(["a"], feedsOf({ a: [1, 2, 3] }, asked));
  await feeds.next(1);
  assertEquals(asked, ["a 0", "a 2"]);
  await readAll(feeds, 9);
  assertEquals(asked, ["a 0", "a 2"]);
});

Deno.test("a feed that cannot be read ends the reading, when its turn comes", async () => {
  const read = feedsOf({ a: [1, 2, 3] });
  const feeds = new MergedFeeds(
    ["a"],
    (owner, after) => after === "2" ? Promise.reject(new Error("away")) : read(owner, after),
  );

  assertEquals((await feeds.next(2)).length, 2);
  await assertRejects(feeds.next(2), /away/);
});
