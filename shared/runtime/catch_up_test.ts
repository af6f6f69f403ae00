import { deepStrictEqual as assertEquals } from "node:assert/strict";
import type { FeedPage, ProjectionRow } from "@mesh/store";
import { withoutKnown } from "./known_events.ts";
import { defineProjection } from "./projection.ts";
import { askerService, Count, World } from "./test_world.ts";

type Item = FeedPage["items"][number];

/** Which events a counter has told, and of what. */
const totals = defineProjection<readonly string[]>({
  name: "totals",
  subscribes: askerService.subscribes.map(({ event }) => event),
  keyOf: ({ key }) => key,
  initialRow: () => [],
  apply: (row, { position, data }) => [...row, `${position} ${JSON.stringify(data)}`],
  ownerOf: () => "",
  sortOf: (_row, key) => key,
});

/**
 * The asker has heard that "a" was counted. While it is down "a" and "b" are counted, and the broker loses that; then
 * it comes back and finds what the feed, as somebody has changed it, gives out.
 */
async function comeBack(alter: (items: readonly Item[]) => readonly Item[], isReader: boolean) {
  await using world = await World.open();
  const start = () => isReader ? world.startReader([totals]) : world.startAsker();
  await world.startCounter();
  await start();
  const rowsOf = async (): Promise<readonly ProjectionRow[]> =>
    await world.store("asker").listRows({ projection: "totals", generation: 1, limit: 9 });
  const send = (id: string) => world.service("asker").send(Count({ id }));
  await send("a");
  await world.until("heard", async () => isReader ? (await rowsOf()).length === 1 : world.heard.length === 1);
  await send("a");
  await send("b");
  await world.crash("asker");
  const told = async () => (await world.store("counter").readFeed({ after: "", limit: 9 })).items.length;
  await world.until("counted", async () => await told() === 3);
  world.server.wipe();
  await world.loadTopology();
  world.alterPage = (page) => ({ ...page, items: alter(page.items) });
  await start();
  const cursor = () => world.store("asker").loadFeedCursor("counter");
  await world.until("caught up", async () =>
    await cursor() === (await world.store("counter").readFeed({
      after: "",
      limit: 9,
    })).next);
  return {
    heard: world.heard.map(({ type, key, data }) => ({ type, key, data })),
    rows: (await rowsOf()).map(({ key, seen, row }) => ({ key, seen, row })),
    cursor: (await cursor()).split(".").length,
  };
}

/** Another payload in the place of an envelope's own, under the same header and signature. */
function forged(envelope: string, change: Readonly<Record<string, unknown>>): string {
  const [header, payload = "", signature] = envelope.split(".");
  const claims = JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(payload, { alphabet: "base64url" })));
  const text = JSON.stringify({ ...claims, ...change });
  const changed = new TextEncoder().encode(text).toBase64({ alphabet: "base64url", omitPadding: true });
  return [header, changed, signature].join(".");
}

const lie = { dat: { id: "a", total: 1_000 } };

for (const isReader of [false, true]) {
  const service = isReader ? "a service with read models" : "a service with actors";

  Deno.test(`${service} finds in the feed what the broker has lost`, async () => {
    const { heard, rows } = await comeBack((items) => items, isReader);

    if (isReader) {
      assertEquals(rows.map(({ key, seen }) => ({ key, seen })), [
        { key: "b", seen: { "counter/b": 1 } },
        { key: "a", seen: { "counter/a": 2 } },
      ]);
    } else {assertEquals(heard.map(({ key, data }) => [key, data]), [
        ["a", { id: "a", total: 1 }],
        ["a", { id: "a", total: 2 }],
        ["b", { id: "b", total: 1 }],
      ]);}
  });

  Deno.test(`${service} makes of a forged event that claims to be known what it makes of none at all`, async () => {
    const omitted = await comeBack(([, ...others]) => others, isReader);
    const changed = await comeBack(
      ([known, ...others]) => [{ ...known!, envelope: forged(known!.envelope, lie) }, ...others],
      isReader,
    );
    // It brings others with it that claim to be a known one, or to be new.
    const injected = await comeBack(([known, ...others]) => [
      { ...known!, envelope: forged(known!.envelope, { ...lie, sub: "counter/c", n: 1 }) },
      { ...known!, envelope: forged(known!.envelope, { ...lie, jti: others[0]!.envelope.slice(0, 36), n: 9 }) },
      { ...known!, envelope: forged(known!.envelope, { ...lie, sub: 5 }) },
      { ...known!, envelope: "no envelope at all" },
      ...others,
      { ...known!, envelope: forged(others[0]!.envelope, lie) },
    ], isReader);

    assertEquals(changed, omitted);
    assertEquals(injected, omitted);
  });
}

Deno.test("what is known is left out before anybody verifies it, and what cannot be read is kept", async () => {
  await using world = await World.open();
  await world.startCounter();
  await world.startReader([totals]);
  const send = (id: string) => world.service("asker").send(Count({ id }));
  await send("a");
  const store = world.store("asker");
  const read = async () => (await store.loadRows("totals", 1, ["a"])).length === 1;
  await world.until("read", read);
  const [item] = (await world.store("counter").readFeed({ after: "", limit: 1 })).items;
  const known = item!.envelope;
  const generations = { refresh: () => Promise.resolve(), snapshot: () => new Map([["totals", [1, 2]]]) };
  const isKept = async (envelope: string, keyOf = totals.keyOf) =>
    (await withoutKnown([envelope], { store, consumer: "asker", projections: [{ ...totals, keyOf }], generations }))
      .length === 1;

  assertEquals({
    known: await isKept(known),
    next: await isKept(forged(known, { n: 2 })),
    another: await isKept(forged(known, { sub: "counter/b" })),
    ofNoRow: await isKept(forged(known, { re: [] }), () => undefined),
    answerOfNoRow: await isKept(known, () => undefined),
    unreadable: await isKept(known, () => {
      throw new TypeError("data is undefined");
    }),
    empty: await isKept(""),
  }, {
    known: false,
    next: true,
    another: true,
    ofNoRow: false,
    answerOfNoRow: true,
    unreadable: true,
    empty: true,
  });
});
