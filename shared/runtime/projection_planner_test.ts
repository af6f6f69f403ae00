import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { ManualClock, UnavailableError } from "@mesh/base";
import { MemoryStore } from "@mesh/store";
import { localWork } from "./local_work.ts";
import { defineProjection } from "./projection.ts";
import { ProjectionPlanner } from "./projection_planner.ts";
import { askerService, Counted } from "./test_world.ts";
import type { Work } from "./work.ts";

const totals = defineProjection<number>({
  name: "totals",
  subscribes: askerService.subscribes.map(({ event }) => event),
  keyOf: ({ key }) => key,
  initialRow: () => 0,
  apply: (row) => row + 1,
  ownerOf: () => "",
  sortOf: (_row, key) => key,
});

/** Event `position` of stream `counter/<id>`, as the queue brings it. */
function told(id: string, position: number): Work {
  const { kind: _kind, ...event } = Counted({ id, total: position });
  const work = localWork({ ...event, kind: "command" }, { service: "counter", id: `${id} ${position}`, headers: {} });
  return { ...work, received: { ...work.received, kind: "event" }, subject: `counter/${id}`, position };
}

Deno.test("what follows a gap that cannot be filled now is tried again, and nothing of it dies", async () => {
  const away = new UnavailableError("Cannot read stream: its owner is away");
  let askedCount = 0;
  const planner = new ProjectionPlanner({
    service: "asker",
    projections: [totals],
    store: new MemoryStore({ clock: new ManualClock() }),
    feeds: {
      read: () => Promise.reject(away),
      readStream: () => {
        askedCount += 1;
        return Promise.reject(away);
      },
    },
    intake: { admit: () => Promise.reject(new Error("nothing was read")) },
    generations: {
      refresh: () => Promise.resolve(),
      snapshot: () => new Map([["totals", [1]]]),
      forget: () => {},
    },
  });
  const [second, third, other] = [told("a", 2), told("a", 3), told("b", 1)];

  await planner.load([second, third, other]);
  const { failures, writes } = planner.plan([second, third, other], 0);

  assertEquals([...failures], [[second, away], [third, away]]);
  assertEquals(writes.rows.map(({ key, row }) => [key, row]), [["b", 1]]);
  assertEquals(askedCount, 1);
});
