import { deepStrictEqual as assertEquals } from "node:assert/strict";
import type { StoreCase } from "./subject.ts";

/** Promises of what outlives a process. */
export const runCases: readonly StoreCase[] = [
  {
    name: "counts the runs of each replica that died one after the other",
    run: async ({ store, openReplica }) => {
      assertEquals([await store.noteRun(0, "begun"), await openReplica().noteRun(1, "begun")], [0, 0]);
      assertEquals([await store.noteRun(0, "begun"), await openReplica().noteRun(0, "begun")], [1, 2]);
      assertEquals(await store.noteRun(1, "begun"), 1);
    },
  },
  {
    name: "forgets runs that died once one has lasted, or came to its end in order",
    run: async ({ store }) => {
      for (const end of ["steady", "stopped"] as const) {
        for (let run = 0; run < 3; run += 1) await store.noteRun(0, "begun");
        await store.noteRun(0, end);
        assertEquals(await store.noteRun(0, "begun"), end === "steady" ? 1 : 0);
        await store.noteRun(0, "stopped");
      }
    },
  },
  {
    name: "counts how often messages were begun without anything becoming of them",
    run: async ({ store, openReplica }) => {
      assertEquals(await store.countBegun(["a", "b"]), new Map());
      await store.noteBegun(["b", "a"]);
      await openReplica().noteBegun(["a", "c"]);
      assertEquals(await store.countBegun(["a", "b", "d"]), new Map([["a", 2], ["b", 1]]));
      await store.noteEnded(["a", "unknown"]);
      assertEquals(await openReplica().countBegun(["c", "b", "a"]), new Map([["c", 1], ["b", 1]]));
    },
  },
];
