import { deepStrictEqual as assertEquals, rejects as assertRejects } from "node:assert/strict";
import { ManualClock, UnavailableError } from "@mesh/base";
import { MemoryStore, noWrites, type Store } from "@mesh/store";
import { GenerationFold } from "./generation_fold.ts";
import { defineProjection, type ProjectedEvent } from "./projection.ts";
import { askerService } from "./test_world.ts";

/** Positions and types of what a counter has told. */
const totals = defineProjection<readonly string[]>({
  name: "totals",
  subscribes: askerService.subscribes.map(({ event }) => event).filter(({ type }) => type !== "counter.repaired"),
  keyOf: ({ key }) => key === "of no row" ? undefined : key,
  initialRow: () => [],
  apply: (row, { position, type }) => [...row, `${position} ${type}`],
  ownerOf: (row) => `${row.length} events`,
  sortOf: (_row, key) => key,
});

function event(key: string, position: number, type = "counter.counted", service = "counter"): ProjectedEvent {
  return {
    id: `${key} ${position}`,
    type,
    version: 1,
    stream: `${service}/${key}`,
    position,
    key,
    correlation: key,
    data: {},
    recordedAtMs: 0,
  };
}

function openFold(
  change: (store: MemoryStore) => Partial<Pick<Store, "commit" | "loadRows">> = () => ({}),
  rowsMax = 2,
) {
  const memory = new MemoryStore({ clock: new ManualClock() });
  const commits: number[] = [];
  const store = {
    loadRows: memory.loadRows.bind(memory),
    commit: (writes: Parameters<Store["commit"]>[0]) => {
      commits.push(writes.rows.length);
      return memory.commit(writes);
    },
    ...change(memory),
  };
  return {
    memory,
    commits,
    fold: new GenerationFold({ projection: totals, generation: 2, store, rowsMax }),
    rows: async () =>
      (await memory.listRows({ projection: "totals", generation: 2, limit: 99 }))
        .map(({ key, owner, seen, row }) => ({ key, owner, seen, row })).reverse(),
  };
}

Deno.test("a fold writes each row once while there is room, with every event in its place", async () => {
  const { fold, rows, commits } = openFold();
  await fold.add([event("a", 1), event("b", 1), event("a", 2, "counter.uncounted"), event("of no row", 1)]);
  await fold.add([event("a", 3, "counter.repaired"), event("a", 4, "stranger.done", "stranger")]);
  assertEquals(commits, []);
  await fold.flush();

  assertEquals(commits, [2]);
  assertEquals(await rows(), [
    { key: "a", owner: "2 events", seen: { "counter/a": 3 }, row: ["1 counter.counted", "2 counter.uncounted"] },
    { key: "b", owner: "1 events", seen: { "counter/b": 1 }, row: ["1 counter.counted"] },
  ]);
});

Deno.test("a fold that has little room gives the same rows", async () => {
  const keys = ["a", "b", "c", "d", "e"];
  const events = [1, 2, 3, 4].flatMap((position) => keys.map((key) => event(key, position)));
  const [small, large] = [openFold(), openFold(undefined, 99)];
  for (const one of events) await small.fold.add([one]);
  await small.fold.flush();
  await large.fold.add(events);
  await large.fold.flush();

  assertEquals(await small.rows(), await large.rows());
  assertEquals(
    (await small.rows()).map(({ key, seen }) => [key, seen]),
    keys.map((key) => [key, { [`counter/${key}`]: 4 }]),
  );
});

Deno.test("what was seen and what lies beyond a gap changes nothing", async () => {
  const { fold, rows } = openFold();
  await fold.add([event("a", 1), event("a", 1), event("a", 3), event("b", 2)]);
  await fold.flush();

  assertEquals((await rows()).map(({ key, seen }) => [key, seen]), [["a", { "counter/a": 1 }]]);
});

for (const isWritten of [false, true]) {
  const outcome = isWritten ? "whose outcome was lost" : "that failed";
  Deno.test(`a commit ${outcome} is made again, with what has come since`, async () => {
    let isLost = true;
    const { fold, rows } = openFold((memory) => ({
      commit: async (writes) => {
        if (!isLost) return await memory.commit(writes);
        isLost = false;
        if (isWritten) await memory.commit(writes);
        throw new UnavailableError("Cannot commit: the connection was lost");
      },
    }));
    await fold.add([event("a", 1), event("b", 1), event("c", 1)]);
    // The rows on their way were lost; nobody hears of that before they are needed.
    await assertRejects(fold.add([event("a", 2)]), { code: "dependency.unavailable" });
    await fold.add([event("a", 2)]);
    await fold.flush();

    assertEquals((await rows()).map(({ key, seen }) => [key, seen]), [
      ["a", { "counter/a": 2 }],
      ["b", { "counter/b": 1 }],
      ["c", { "counter/c": 1 }],
    ]);
  });
}

Deno.test("a fold ends where somebody else has filled a row further, or has removed it", async () => {
  const { fold, memory } = openFold();
  await fold.add([event("a", 1)]);
  const row = { projection: "totals", generation: 2, owner: "", sort: "", row: [], revision: 0 };
  await memory.commit({ ...noWrites, rows: [{ ...row, key: "a", seen: { "counter/a": 2 } }] });
  await assertRejects(fold.flush(), { code: "store.conflict", reason: "rebuild-elsewhere" });

  const other = openFold();
  await other.fold.add([event("a", 1), event("b", 1), event("c", 1)]);
  await other.fold.add([event("a", 2)]);
  await other.memory.dropRows("totals", 2);
  await assertRejects(other.fold.flush(), { code: "store.conflict", reason: "rebuild-elsewhere" });
});

Deno.test("a fold looks in the store for rows that it has written, and for no others", async () => {
  const asked: string[] = [];
  const { fold, rows } = openFold((memory) => ({
    loadRows: (name, generation, keys) => {
      asked.push(...keys);
      return memory.loadRows(name, generation, keys);
    },
  }));
  for (const key of ["a", "b", "c", "d", "e", "a", "f"]) {
    await fold.add([event(key, 1), event(key, 2)]);
  }
  await fold.flush();

  assertEquals(asked, ["a"]);
  assertEquals((await rows()).length, 6);
});
