/**
 * What must hold in a shop whatever happened to it, checked against everything that it has written down.
 *
 * @module
 */
export type { Journal, ShopFacts, Violation } from "./facts.ts";
export { findViolations, type Tally, tallyOf } from "./invariants.ts";
export { type Known, readFacts } from "./read_facts.ts";
export { type Shelf, shelvesOf } from "./stock_rules.ts";
export { type Finding, untilSound } from "./until_sound.ts";
