import type { Clock } from "@mesh/base";
import type { Progress } from "./feed_progress.ts";

/**
 * Renders how far behind the feeds the audit is, in the text format of Prometheus.
 *
 * @param clock Wall clock; the age of what is complete is an alarm's matter, not a decision's.
 */
export function renderFeedMetrics(progress: Progress, clock: Pick<Clock, "nowMs">): string {
  const name = "audit_feed_lag_seconds";
  const nowMs = clock.nowMs();
  const lines = progress.feeds().filter(({ completeUntilMs }) => completeUntilMs > 0).map((
    { owner, completeUntilMs },
  ) => `${name}{service="audit",owner="${owner}"} ${Math.max(0, nowMs - completeUntilMs) / 1000}`);
  return [
    `# HELP ${name} Age of the moment up to which a service's feed is known to be stored`,
    `# TYPE ${name} gauge`,
    ...lines,
    "",
  ].join("\n");
}
