import type { Bug } from "./bugs/mod.ts";
import { playOne } from "./play_many.ts";
import type { ShopPlan } from "./shop_services.ts";
import type { WorkerPool } from "./worker_pool.ts";

/** What became of the hunt for one mistake. */
export interface Hunted {
  readonly bug: Bug;
  /** Schedules until one broke a rule; absent if none did. */
  readonly seeds: number | undefined;
  /** The rule that was broken first. */
  readonly rule: string;
}

/** Orders per schedule of a hunt: most mistakes need one order and one fault, and small schedules are soon over. */
const ordersOfHunt = 8;

/**
 * Plants one mistake and plays schedules until one breaks a rule.
 *
 * @param seedsMax Schedules after which it counts as not found.
 */
export async function hunt(bug: Bug, seedsMax: number, plans: readonly ShopPlan[]): Promise<Hunted> {
  for (let seed = 1; seed <= seedsMax; seed += 1) {
    const { violations } = await playOne({ seed, orders: ordersOfHunt, plans, bug });
    if (violations.length > 0) return { bug, seeds: seed, rule: violations[0]!.rule };
  }
  return { bug, seeds: undefined, rule: "" };
}

/** Hunts mistakes, several at a time where there are several workers. @returns What was found, in their order. */
export async function huntAll(
  bugs: readonly Bug[],
  { seedsMax, pool, log }: {
    readonly seedsMax: number;
    readonly pool: Pick<WorkerPool, "run">;
    readonly log: (line: string) => void;
  },
): Promise<readonly Hunted[]> {
  return await Promise.all(bugs.map(async (bug) => {
    const { seeds, rule, seconds } = await pool.run<"hunt">({ kind: "hunt", bug: bug.name, seedsMax });
    log(`${bug.name.padEnd(34)} ${seeds ?? "not found"} ${rule} (${seconds.toFixed(1)} s)`);
    return { bug, seeds, rule };
  }));
}

/** @returns The table of a hunt, for the documents. */
export function bugTable(found: readonly Hunted[]): string {
  const rows = found.map(({ bug: { name, what, rule }, seeds, rule: broken }) => [
    `\`${name}\``,
    what,
    rule,
    seeds === undefined ? "not found" : String(seeds),
    broken,
  ]);
  const head = ["mistake", "what is done wrong", "rule", "schedules until found", "noticed by"];
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at]!.length)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, at) => cell.padEnd(widths[at]!)).join(" | ")} |`;
  return [line(head), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rows.map(line)].join("\n");
}

const page = new URL("../../docs/reliability.md", import.meta.url);
const marks = { begin: "<!-- begin:planted-bugs -->", end: "<!-- end:planted-bugs -->" };

/** Writes the table into `docs/reliability.md`. */
export async function writeBugTable(found: readonly Hunted[]): Promise<void> {
  const text = await Deno.readTextFile(page);
  const [before, rest = ""] = text.split(marks.begin);
  const after = rest.slice(rest.indexOf(marks.end));
  await Deno.writeTextFile(page, `${before}${marks.begin}\n\n${bugTable(found)}\n\n${after}`);
}
