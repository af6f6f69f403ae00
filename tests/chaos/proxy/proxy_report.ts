import type { ProxyOutcome } from "./proxy_ordeal.ts";

/** Writes what a run came to, the faults as a table in Markdown. */
export function reportOf({ violations, tally, fired, missing, durationMs, slowestMs }: ProxyOutcome): string {
  const { placed, confirmed, rejected, events } = tally;
  const seconds = durationMs / 1000;
  const rows = Object.entries(fired).map(([name, count]) => `| \`${name}\` | ${count} |`);
  const ends = Object.entries(rejected).map(([reason, count]) => `${count} ${reason}`).join(", ");
  return [
    `${placed} orders in ${seconds.toFixed(0)} s: ${confirmed} confirmed, rejected ${ends || "none"}; ${events} events`,
    `slowest order ${(slowestMs / 1000).toFixed(1)} s; ${violations.length} violations; ` +
    `faults below their floor: ${missing.join(", ") || "none"}`,
    "",
    "| fault | times |",
    "| --- | --- |",
    ...rows,
    ...violations.slice(0, 50).map(({ rule, what }) => `${rule}: ${what}`),
  ].join("\n");
}
