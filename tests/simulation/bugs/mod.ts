/**
 * Mistakes that real systems made. The simulation has to find each of them.
 *
 * @module
 */
import { behaviourBugs } from "./behaviour_bugs.ts";
import type { Bug } from "./bug.ts";
import { effectBugs } from "./effect_bugs.ts";
import { feedBugs } from "./feed_bugs.ts";
import { laneBugs } from "./lane_bugs.ts";
import { sagaBugs } from "./saga_bugs.ts";
import { storeBugs } from "./store_bugs.ts";

export type { Bug, Plant } from "./bug.ts";

/** All of them. */
export const bugs: readonly Bug[] = [
  ...storeBugs,
  ...laneBugs,
  ...feedBugs,
  ...behaviourBugs,
  ...effectBugs,
  ...sagaBugs,
];
