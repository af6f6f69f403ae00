import type { Blow } from "./ordeal.ts";

/** Writes what became of each fault as a table in Markdown; times in seconds. */
export function tableOf(blows: readonly Blow[]): string {
  const rows = blows.map(({ fault, inFlight, mendedAfterMs, endedAfterMs }) => [
    fault,
    String(inFlight),
    seconds(mendedAfterMs),
    seconds(endedAfterMs),
  ]);
  const header = ["killed", "orders in flight", "serves again after", "last of them ended after"];
  return [header, header.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** The hardest of several rounds for each fault: fewest orders in flight, longest times. */
export function worstOf(blows: readonly Blow[]): readonly Blow[] {
  return [...Map.groupBy(blows, ({ fault }) => fault)].map(([fault, rounds]) => ({
    fault,
    inFlight: Math.min(...rounds.map(({ inFlight }) => inFlight)),
    mendedAfterMs: Math.max(...rounds.map(({ mendedAfterMs }) => mendedAfterMs)),
    endedAfterMs: Math.max(...rounds.map(({ endedAfterMs }) => endedAfterMs)),
  }));
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
