import { deepStrictEqual as assertEquals, ok } from "node:assert/strict";
import { ContractError, ManualClock, UnavailableError } from "@mesh/base";
import { fixedKeyDirectory, type KeyDirectory } from "@mesh/envelope";
import { memoryAuditStore } from "./adapters/memory_audit_store.ts";
import { altered, type FakeFeed, fakeFeed, smallMesh, startMs } from "./audit_fixture.ts";
import { feedProgress } from "./feed_progress.ts";
import { readFeed } from "./feed_reader.ts";

/** A reader of the orders' feed, stopped at the end of the test. */
async function openWorld({ keys, store = memoryAuditStore() }: {
  readonly keys?: KeyDirectory;
  readonly store?: ReturnType<typeof memoryAuditStore>;
} = {}) {
  const mesh = smallMesh();
  const clock = new ManualClock();
  const feed = fakeFeed(() => new ContractError("Cannot read: cursor", { reason: "cursor-epoch" }));
  const progress = feedProgress(["orders", "payments"]);
  const stop = new AbortController();
  const logged: string[] = [];
  const refused: string[] = [];
  const note = (level: string) => (_: string, { error = "", findings = "" }: Record<string, unknown> = {}) =>
    void logged.push(`${level} ${error}${findings}`);
  const start = (from: FakeFeed = feed) =>
    readFeed({
      owner: "orders",
      readPage: (query) => new Promise((resolve) => resolve(from.read(query))),
      store,
      verifier: { ...mesh.verifier, keys: keys ?? mesh.verifier.keys },
      progress,
      clock,
      log: { debug: note("debug"), info: note("info"), warn: note("warn"), error: note("error") },
      meter: { refused: (reason) => void refused.push(reason) },
      intervalMs: 500,
    }, stop.signal);
  const running = [start()];
  // Until the first look at the feed is over.
  await clock.advance(0);
  return {
    mesh,
    clock,
    feed,
    progress,
    store,
    logged,
    refused,
    startAnother: () => void running.push(start()),
    entries: async () =>
      (await store.find({ limit: 200 })).map(({ reason, chain, facts }) => `${facts.n ?? "?"} ${reason ?? chain}`),
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await Promise.all(running);
    },
  };
}

Deno.test("the reader stores what a feed gives out, and says up to when nothing is missing", async () => {
  await using world = await openWorld();
  const { mesh, feed, clock, progress, entries } = world;
  feed.envelopes.push(mesh.event("orders", "o-1", 1), mesh.event("orders", "o-1", 2));
  await clock.advance(500);
  feed.envelopes.push(mesh.event("orders", "o-1", 3));
  await clock.advance(500);

  assertEquals(await entries(), ["1 ok", "2 ok", "3 ok"]);
  assertEquals(progress.feeds()[0], { owner: "orders", completeUntilMs: startMs + 3 });
  assertEquals(progress.completeUntilMs(), 0);
});

Deno.test("the reader keeps an altered event with the reason, reports it, and shows the gap that it leaves", async () => {
  await using world = await openWorld();
  const { mesh, feed, clock, entries, logged, refused } = world;
  const events = [1, 2, 3].map((n) => mesh.event("orders", "o-1", n));
  feed.envelopes.push(events[0]!, altered(events[1]!), events[2]!, "no envelope at all");
  await clock.advance(500);

  assertEquals((await entries()).map((line) => line.replace(/^\S+/, "")), [
    " ok",
    " bad-signature",
    " gap",
    " malformed",
  ]);
  assertEquals(refused, ["bad-signature", "stream-gap", "malformed"]);
  assertEquals(logged.length, 1);
  ok(/^error bad-signature .*stream-gap .*malformed hash /.test(logged[0]!), logged[0]);
});

Deno.test("the reader keeps both envelopes that share an id, and trusts the second one no more", async () => {
  await using world = await openWorld();
  const { mesh, feed, clock, entries } = world;
  const id = "0198d6f0-0000-7000-8000-00000000aaaa";
  feed.envelopes.push(mesh.event("orders", "o-1", 1, { id }), mesh.event("orders", "o-2", 1, { id }));
  await clock.advance(500);
  feed.envelopes.push(mesh.event("orders", "o-3", 1, { id }));
  await clock.advance(500);

  assertEquals(await entries(), ["1 ok", "1 id-reused", "1 id-reused"]);
});

Deno.test("a forged envelope with the id of a genuine one does not taint that", async () => {
  await using world = await openWorld();
  const { mesh, feed, clock, entries } = world;
  const id = "0198d6f0-0000-7000-8000-00000000aaaa";
  const forged = smallMesh().event("orders", "o-1", 1, { id });
  feed.envelopes.push(forged.replace(/^[^.]+/, mesh.event("orders", "o-9", 1).split(".")[0]!));
  feed.envelopes.push(mesh.event("orders", "o-1", 1, { id }));
  await clock.advance(500);

  assertEquals(await entries(), ["1 bad-signature", "1 ok"]);
});

Deno.test("the reader passes over what is stored when a restored owner refuses its cursor", async () => {
  await using world = await openWorld();
  const { mesh, feed, clock, entries, store } = world;
  feed.envelopes.push(mesh.event("orders", "o-1", 1), mesh.event("orders", "o-1", 2));
  await clock.advance(500);
  // The restore has lost the second event, and a second one was written anew.
  feed.epoch = 2;
  feed.envelopes.splice(1, 1, mesh.event("orders", "o-1", 2), mesh.event("orders", "o-1", 3));
  await clock.advance(1_000);

  assertEquals(await entries(), ["1 ok", "2 ok", "2 fork", "3 fork"]);
  assertEquals((await store.loadFeeds())[0]?.cursor, "2.3");
});

Deno.test("two readers of one feed store each event once", async () => {
  await using world = await openWorld();
  const { mesh, feed, clock, entries, startAnother } = world;
  startAnother();
  for (let n = 1; n <= 1_200; n += 1) feed.envelopes.push(mesh.event("orders", `o-${n}`, 1));
  await clock.advance(2_000);

  const { entryCount, failures, gapCount, forkCount } = await world.store.readFigures();
  assertEquals({ entryCount, failures, gapCount, forkCount }, {
    entryCount: 1_200,
    failures: {},
    gapCount: 0,
    forkCount: 0,
  });
  assertEquals((await entries()).length, 200);
});

Deno.test("what follows is verified while a page is stored, and read again when that was in vain", async () => {
  const store = memoryAuditStore();
  const appended: string[] = [];
  let isAway = true;
  await using world = await openWorld({
    store: {
      ...store,
      append: (batch) => {
        appended.push(batch.stored);
        // The second page is lost, after the third was read.
        if (batch.stored === "1.1000" && isAway) {
          isAway = false;
          return Promise.reject(new UnavailableError("Cannot store events"));
        }
        return store.append(batch);
      },
    },
  });
  const { mesh, feed, clock, progress } = world;
  for (let n = 1; n <= 2_100; n += 1) {
    feed.envelopes.push(mesh.event("orders", n % 2 === 0 ? "even" : "odd", (n + 1) >> 1));
  }
  await clock.advance(10_000);

  const { entryCount, gapCount, forkCount } = await store.readFigures();
  assertEquals({ entryCount, gapCount, forkCount, appended, until: progress.feeds()[0]?.completeUntilMs }, {
    entryCount: 2_100,
    gapCount: 0,
    forkCount: 0,
    appended: ["", "1.1000", "1.1000", "1.2000"],
    until: startMs + 2_100,
  });
});

Deno.test("an owner that is away is asked again, less and less often, and told of once", async () => {
  await using world = await openWorld();
  const { mesh, feed, clock, entries, progress, logged } = world;
  feed.failure = new UnavailableError("Cannot call");
  await clock.advance(60_000);
  assertEquals(progress.feeds()[0], { owner: "orders", completeUntilMs: startMs, fault: "Cannot call" });
  assertEquals(logged.filter((line) => line.startsWith("warn")), ["warn Cannot call"]);
  ok(logged.length > 10 && logged.length < 20, `asked ${logged.length} times in a minute`);
  feed.failure = undefined;
  feed.envelopes.push(mesh.event("orders", "o-1", 1));
  await clock.advance(5_000);

  assertEquals(await entries(), ["1 ok"]);
  assertEquals(progress.feeds()[0]?.fault, undefined);
});

Deno.test("an unknown key is no verdict before the keys were read again", async () => {
  const stranger = smallMesh();
  let known = fixedKeyDirectory({});
  let isRefreshed = false;
  const keys: KeyDirectory = {
    find: (kid) => known.find(kid),
    jwks: () => known.jwks(),
    refresh: () => Promise.resolve(isRefreshed),
  };
  await using world = await openWorld({ keys });
  world.feed.envelopes.push(stranger.event("orders", "o-1", 1));
  await world.clock.advance(2_000);
  assertEquals(await world.entries(), []);
  known = fixedKeyDirectory(stranger.keyFiles);
  isRefreshed = true;
  await world.clock.advance(10_000);

  assertEquals(await world.entries(), ["1 ok"]);
});

Deno.test("a key that stays unknown holds up its feed for a minute at most", async () => {
  await using world = await openWorld();
  world.feed.envelopes.push(smallMesh().event("orders", "o-1", 1));
  await world.clock.advance(50_000);
  assertEquals(await world.entries(), []);
  await world.clock.advance(20_000);

  assertEquals(await world.entries(), ["1 unknown-key"]);
});

Deno.test("a page that could not be stored is read again", async () => {
  const store = memoryAuditStore();
  let isAway = true;
  await using world = await openWorld({
    store: {
      ...store,
      append: (batch) => isAway ? Promise.reject(new UnavailableError("Cannot store events")) : store.append(batch),
    },
  });
  const { mesh, feed, clock, entries, progress } = world;
  feed.envelopes.push(mesh.event("orders", "o-1", 1));
  await clock.advance(2_000);
  assertEquals(progress.feeds()[0], { owner: "orders", completeUntilMs: startMs, fault: "Cannot store events" });
  isAway = false;
  await clock.advance(5_000);

  assertEquals(await entries(), ["1 ok"]);
});
