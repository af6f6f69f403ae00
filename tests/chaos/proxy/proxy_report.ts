import type { ProxyOutcome } from "./proxy_ordeal.ts";

/** Writes what a run came to, the faults as a table in Markdown. */
export function reportOf({ violations, tally, fired, missing, durationMs, slowestMs }: ProxyOutcome): string {
  const { placed, confirmed, rejected, events } = tally;
  const seconds = durationMs / 1000;
  const rows = Object.entries(fired).map(([name, count]) => `| \`${name}\` | ${count} |`);
  const byRule = [...Map.groupBy(violations, ({ rule }) => rule)];
  const counts = byRule.map(([rule, { length }]) => `${length} of ${rule}`).join(", ");
  const ends = Object.entries(rejected).map(([reason, count]) => `${count} ${reason}`).join(", ");
  return [
    `${placed} orders in ${seconds.toFixed(0)} s: ${confirmed} confirmed, rejected ${ends || "none"}; ${events} events`,
    `slowest order ${(slowestMs / 1000).toFixed(1)} s; ${violations.length} violations${counts && ` (${counts})`}; ` +
    `faults below their floor: ${missing.join(", ") || "none"}`,
    "",
    "| fault | times |",
    "| --- | --- |",
    ...rows,
    ...byRule.flatMap(([rule, broken]) => broken.slice(0, shownOfRule).map(({ what }) => `${rule}: ${what}`)),
  ].join("\n");
}

/** Violations that are told of each rule; the others are counted. */
const shownOfRule = 20;
