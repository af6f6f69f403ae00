import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import { metricNames } from "./names.ts";

/** Counts what a service's runtime does; all durations in milliseconds, exported as seconds. */
export interface RuntimeMeter {
  published(type: string, outcome: string): void;
  handled(type: string, outcome: string, durationMs: number): void;
  /** One turn has committed. */
  turn(messageCount: number, durationMs: number): void;
  effect(effect: string, outcome: string, durationMs: number): void;
  /** A message was found wrong before its turn. */
  refused(reason: string): void;
}

/** Figures of a service's store, as the store's status gives them. */
export interface StoreFigures {
  readonly outboxCount: number;
  readonly outboxOldestMs: number;
  readonly deadLetterCount: number;
  readonly openEffectCount: number;
  readonly effectOldestMs: number;
  readonly timerCount: number;
  readonly inboxDaysAhead: number;
  readonly needsAttentionCount: number;
  readonly closedLaneCount: number;
  readonly parkedCount: number;
}

/** What is read when somebody asks for the metrics. */
export interface MetricSources {
  /** Envelopes in memory that wait to be published. */
  readonly backlogCount: number;
  readonly readStatus: () => Promise<StoreFigures>;
}

/** The metrics of one service, in a registry of their own. */
export interface Metrics {
  readonly meter: RuntimeMeter;
  /** For metrics of a service's own; register them with `registers: [registry]`. */
  readonly registry: Registry;
  /**
   * Renders everything in the text format of Prometheus. While the store does not answer, `mesh_store_up` is 0 and the
   * figures of the store are left out: an old figure would look like a new one.
   */
  render(sources: MetricSources): Promise<string>;
}

/** Options of {@link openMetrics}. */
export interface MetricsOptions {
  /** Whether figures of the process (memory, event loop lag, garbage) are collected too; true by default. */
  readonly hasProcessMetrics?: boolean;
}

/**
 * Opens the metrics of one service.
 *
 * @param service Label of every metric.
 *
 * @example
 * ```ts
 * import { ok } from "node:assert/strict";
 * import { openMetrics } from "@mesh/telemetry";
 *
 * const { meter, render } = openMetrics("orders", { hasProcessMetrics: false });
 * meter.refused("bad-signature");
 * const text = await render({ backlogCount: 0, readStatus: () => Promise.reject(new Error("away")) });
 * ok(text.includes('mesh_refused_messages_total{reason="bad-signature",service="orders"} 1'));
 * ```
 */
export function openMetrics(service: string, { hasProcessMetrics = true }: MetricsOptions = {}): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  // Twenty samples a second show a blocked event loop; the default of a hundred is work on an idle machine.
  if (hasProcessMetrics) collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 50 });
  const gauges = storeGauges(registry);
  const backlog = gauge(registry, metricNames.backlogMessages, "Envelopes in memory that wait to be published");
  const storeUp = gauge(registry, metricNames.storeUp, "Whether the store answered: 1 or 0");
  return {
    registry,
    meter: meterOf(registry),
    render: async ({ backlogCount, readStatus }) => {
      backlog.set(backlogCount);
      const figures = await readStatus().catch(() => undefined);
      storeUp.set(figures === undefined ? 0 : 1);
      for (const { metric, valueOf } of gauges) {
        if (figures === undefined) metric.remove();
        else metric.set(valueOf(figures));
      }
      return await registry.metrics();
    },
  };
}

function meterOf(registry: Registry): RuntimeMeter {
  const registers = [registry];
  const labelNames = ["type", "outcome"] as const;
  const sent = new Counter({
    name: metricNames.sentMessages,
    help: "Messages published, by outcome",
    labelNames,
    registers,
  });
  const consumed = new Counter({
    name: metricNames.consumedMessages,
    help: "Messages that have left their turn, by outcome",
    labelNames,
    registers,
  });
  const processed = new Histogram({
    name: metricNames.processDuration,
    help: "From delivery to the end of the message's turn",
    labelNames,
    buckets: secondsBuckets,
    registers,
  });
  const turns = new Histogram({
    name: metricNames.turnDuration,
    help: "Duration of a committed turn",
    buckets: secondsBuckets,
    registers,
  });
  const turnMessages = new Histogram({
    name: metricNames.turnMessages,
    help: "Messages in a committed turn",
    buckets: [1, 2, 4, 8, 16, 32, 64],
    registers,
  });
  const effects = new Histogram({
    name: metricNames.effectDuration,
    help: "Duration of a call to the outside",
    labelNames: ["effect", "outcome"] as const,
    buckets: secondsBuckets,
    registers,
  });
  const refused = new Counter({
    name: metricNames.refusedMessages,
    help: "Messages refused before their turn, by reason",
    labelNames: ["reason"] as const,
    registers,
  });
  return {
    published: (type, outcome) => sent.inc({ type, outcome }),
    handled: (type, outcome, durationMs) => {
      consumed.inc({ type, outcome });
      processed.observe({ type, outcome }, durationMs / 1000);
    },
    turn: (messageCount, durationMs) => {
      turns.observe(durationMs / 1000);
      turnMessages.observe(messageCount);
    },
    effect: (effect, outcome, durationMs) => effects.observe({ effect, outcome }, durationMs / 1000),
    refused: (reason) => refused.inc({ reason }),
  };
}

interface StoreGauge {
  readonly metric: Gauge;
  readonly valueOf: (figures: StoreFigures) => number;
}

function storeGauges(registry: Registry): readonly StoreGauge[] {
  const of = (name: string, help: string, valueOf: StoreGauge["valueOf"]) => ({
    metric: gauge(registry, name, help),
    valueOf,
  });
  return [
    of(metricNames.outboxMessages, "Rows of the outbox", ({ outboxCount }) => outboxCount),
    of(metricNames.outboxOldestAge, "Age of the oldest unconfirmed row", ({ outboxOldestMs }) => outboxOldestMs / 1000),
    of(metricNames.outboxNeedsAttention, "Commands unanswered for too long", (found) => found.needsAttentionCount),
    of(metricNames.deadLetters, "Dead letters that nobody has dealt with", ({ deadLetterCount }) => deadLetterCount),
    of(metricNames.closedLanes, "Lanes held up by a message that failed", ({ closedLaneCount }) => closedLaneCount),
    of(metricNames.parkedMessages, "Messages that wait behind such a one", ({ parkedCount }) => parkedCount),
    of(metricNames.openEffects, "Calls to the outside without outcome", ({ openEffectCount }) => openEffectCount),
    of(metricNames.effectOldestAge, "Age of the oldest of them", ({ effectOldestMs }) => effectOldestMs / 1000),
    of(metricNames.timers, "Deadlines that are set", ({ timerCount }) => timerCount),
    of(metricNames.inboxDaysAhead, "Days for which inbox partitions exist", ({ inboxDaysAhead }) => inboxDaysAhead),
  ];
}

function gauge(registry: Registry, name: string, help: string): Gauge {
  return new Gauge({ name, help, registers: [registry] });
}

/** From a millisecond to the turn's deadline; the default buckets of OpenTelemetry are meant for milliseconds. */
const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
