import { deepStrictEqual as assertEquals, ok } from "node:assert/strict";
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { InFlightMap } from "./in_flight_map.ts";

const acts = fc.array(
  fc.oneof(
    fc.record({ act: fc.constant("set" as const), key: fc.nat(5), value: fc.nat() }),
    fc.record({ act: fc.constantFrom("take" as const, "delete" as const, "get" as const), key: fc.nat(5) }),
    fc.constant({ act: "clear" as const, key: 0 }),
  ),
  { maxLength: 60 },
);

Deno.test("an InFlightMap holds what a Map holds, in the same order", () => {
  fc.assert(fc.property(acts, (played) => {
    const [map, model] = [new InFlightMap<number, number>(), new Map<number, number>()];
    for (const step of played) {
      const { act, key } = step;
      const before = model.get(key);
      if (act === "set") {
        map.set(key, step.value);
        model.set(key, step.value);
      } else if (act === "clear") {
        map.clear();
        model.clear();
      } else if (act === "get") assertEquals(map.get(key), before);
      else if (act === "take") assertEquals(map.take(key), model.delete(key) ? before : undefined);
      else assertEquals(map.delete(key), model.delete(key));
      assertEquals([[...map], [...map.keys()], [...map.values()]], [[...model], [...model.keys()], [
        ...model.values(),
      ]]);
      assertEquals([map.size, map.has(key)], [model.size, model.has(key)]);
    }
  }));
});

interface Passage {
  set(key: number, value: unknown): unknown;
  delete(key: number): unknown;
}

/** @returns Most bytes that have grown old while 50,000 values of 3 KB went through a map, eight of them at a time. */
function grownOld(map: Passage, collectGarbage: () => void): number {
  for (let key = -8; key < 0; key += 1) map.set(key, {});
  // The table of this moment is old from now on.
  collectGarbage();
  const before = oldBytes();
  let most = 0;
  for (let key = 0; key < 50_000; key += 1) {
    map.set(key, { payload: Array.from({ length: 400 }, () => key) });
    map.delete(key - 8);
    if (key % 500 === 0) most = Math.max(most, oldBytes() - before);
  }
  return most;
}

function oldBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === "old_space")!.space_used_size;
}

Deno.test("what goes through an InFlightMap does not grow old as in a Map", () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage: () => void = runInNewContext("gc");
  // First: once so much has grown old, the engine makes such values in old space from the start.
  const inFlight = grownOld(new InFlightMap(), collectGarbage);
  const inMap = grownOld(new Map(), collectGarbage);
  ok(inFlight < inMap / 3, `${inFlight} bytes have grown old, in a Map ${inMap}`);
});
