/**
 * Stands in for `shared/store/memory/frozen_json.ts` while many schedules are played: what goes into a store is kept as it
 * is and neither copied nor frozen. `simulation_map.json` puts it there.
 *
 * @module
 */
import { frozenJson as frozenReally } from "@mesh/store/frozen-json";

let isPlain = false;

/** Says whether rows are copies from now on, as in a database, or what was handed in. */
export function beginRows(form: "plain" | "real"): void {
  isPlain = form === "plain";
}

/** As the real one. */
export function frozenJson<T>(value: T): T {
  return isPlain ? value : frozenReally(value);
}
