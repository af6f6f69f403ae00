import { crashPoints } from "./crash_points.ts";
import type { CrashOutcome } from "./crash_run.ts";

/**
 * Writes what was ended where as a table in Markdown: each process with the fewest orders in flight that it was ended
 * under.
 */
export function crashTable(outcomes: readonly CrashOutcome[]): string {
  const rows = crashPoints.map(({ name, what }) => [name, what, processesOf(outcomes, name)])
    .filter(([, , processes]) => processes !== "");
  const header = ["point", "what has happened by then", "ended there (orders in flight)"];
  return [header, header.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function processesOf(outcomes: readonly CrashOutcome[], point: string): string {
  const byService = Map.groupBy(outcomes.filter((outcome) => outcome.point === point), ({ service }) => service);
  return [...byService]
    .map(([service, rounds]) => `${service} ${Math.min(...rounds.map(({ inFlight }) => inFlight))}`)
    .sort().join(", ");
}
