import type { LaneWrites, TurnWrites } from "@mesh/store";
import { type Bug, inStores, inWrites } from "./bug.ts";

/** Mistakes about the order of messages under failure. */
export const laneBugs: readonly Bug[] = [
  {
    name: "lane-never-closed",
    what: "a message that waits for its next attempt holds up nothing",
    rule: "RD10",
    plant: inLanes((lanes) => ({ ...lanes, closed: [] })),
  },
  {
    name: "lane-never-let-go",
    what: "what is parked is not taken up again",
    rule: "RD10",
    plant: inStores(() => ({ readParked: () => Promise.resolve([]) })),
  },
  {
    name: "lost-attempt-not-made",
    what: "an attempt that the broker has lost is not made from the database",
    rule: "G11",
    plant: () => ({ substitutes: { settings: (settings) => ({ ...settings, laneOverdueMs: 86_400_000 }) } }),
  },
];

function inLanes(change: (lanes: LaneWrites) => LaneWrites): Bug["plant"] {
  return inWrites((writes: TurnWrites) =>
    writes.lanes === undefined ? writes : { ...writes, lanes: change(writes.lanes) }
  );
}
