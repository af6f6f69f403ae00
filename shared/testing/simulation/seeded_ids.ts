import type { IdSource } from "@mesh/base";
import type { Scheduler } from "./scheduler.ts";
import type { SeededRandom } from "./seeded_random.ts";
import { epochMs } from "./virtual_clock.ts";

/** Draws UUIDv7 ids from virtual time and a seed: unlike ids that count up they do not sort by their order of drawing. */
export function seededIds(scheduler: Pick<Scheduler, "nowMs">, random: SeededRandom): IdSource {
  let timeMs = -1;
  let time = "";
  return {
    next: () => {
      const nowMs = epochMs + Math.floor(scheduler.nowMs);
      if (nowMs !== timeMs) {
        timeMs = nowMs;
        const digits = nowMs.toString(16).padStart(12, "0");
        time = `${digits.slice(0, 8)}-${digits.slice(8)}-7`;
      }
      const high = random.below(2 ** 28);
      const low = random.below(2 ** 24);
      const middle = random.below(2 ** 24);
      const variant = "89ab"[random.below(4)];
      return `${time}${wordOf(high >> 16, 3)}-${variant}${wordOf((high >> 4) & 0xfff, 3)}-${wordOf(middle, 6)}${
        wordOf(low, 6)
      }`;
    },
  };
}

/** @returns The lowest digits of a number, three at a time: no number is written out for it. */
function wordOf(value: number, length: 3 | 6): string {
  const low = words[value & 0xfff]!;
  return length === 3 ? low : words[(value >> 12) & 0xfff]! + low;
}

const words: readonly string[] = Array.from({ length: 4096 }, (_, value) => value.toString(16).padStart(3, "0"));
