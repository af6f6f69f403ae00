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
    name: "counts how often a message was taken up alone without anything becoming of it",
    run: async ({ store, openReplica }) => {
      assertEquals(await store.beginAlone("a"), 0);
      assertEquals([await openReplica().beginAlone("a"), await store.beginAlone("b")], [1, 0]);
      await store.endAlone("a");
      await store.endAlone("unknown");
      assertEquals([await store.beginAlone("a"), await store.beginAlone("b")], [0, 1]);
    },
  },
];
