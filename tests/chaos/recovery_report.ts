import type { Recovery } from "./recovery.ts";

/** Longest time until progress, in milliseconds: a service, the broker, the database server. */
const bars: Readonly<Record<string, number>> = { rabbitmq: 15_000, postgres: 20_000 };
const serviceBarMs = 5_000;

/** @returns The longest time that something may take until it makes progress, in milliseconds. */
export function barOf(fault: string): number {
  return bars[fault] ?? serviceBarMs;
}

/** Writes the worst of each fault's rounds as a table in Markdown; times in seconds. */
export function recoveryTable(recoveries: readonly Recovery[]): string {
  const rows = [...Map.groupBy(recoveries, ({ fault }) => fault)].map(([fault, rounds]) => [
    fault,
    String(rounds.length),
    worst(rounds, ({ readyAfterMs }) => readyAfterMs),
    worst(rounds, ({ progressAfterMs }) => progressAfterMs),
    `${barOf(fault) / 1000} s`,
    worst(rounds, ({ endedAfterMs }) => endedAfterMs),
  ]);
  const header = ["killed", "times", "ready after", "progress after", "bar", "last order in flight ended after"];
  return [header, header.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function worst(rounds: readonly Recovery[], timeOf: (recovery: Recovery) => number): string {
  return `${(Math.max(...rounds.map(timeOf)) / 1000).toFixed(1)} s`;
}
