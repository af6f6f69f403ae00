import type { IdSource } from "@mesh/base";
import type { Scheduler } from "./scheduler.ts";
import type { SeededRandom } from "./seeded_random.ts";
import { epochMs } from "./virtual_clock.ts";

/** Draws UUIDv7 ids from virtual time and a seed: unlike ids that count up they do not sort by their order of drawing. */
export function seededIds(scheduler: Pick<Scheduler, "nowMs">, random: SeededRandom): IdSource {
  return {
    next: () => {
      const time = (epochMs + Math.floor(scheduler.nowMs)).toString(16).padStart(12, "0");
      const high = random.below(2 ** 28).toString(16).padStart(7, "0");
      const low = (random.below(2 ** 24) + 2 ** 24 * random.below(2 ** 24)).toString(16).padStart(12, "0");
      const variant = "89ab"[random.below(4)];
      return `${time.slice(0, 8)}-${time.slice(8)}-7${high.slice(0, 3)}-${variant}${high.slice(3, 6)}-${low}`;
    },
  };
}
