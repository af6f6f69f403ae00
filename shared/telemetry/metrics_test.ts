import { deepStrictEqual as assertEquals, doesNotMatch, match, ok } from "node:assert/strict";
import { metricNames, openMetrics, type StoreFigures } from "./mod.ts";

const figures: StoreFigures = {
  outboxCount: 3,
  outboxOldestMs: 1500,
  deadLetterCount: 2,
  openEffectCount: 1,
  effectOldestMs: 250,
  timerCount: 7,
  inboxDaysAhead: 13,
  needsAttentionCount: 0,
  closedLaneCount: 0,
  parkedCount: 0,
};
const sources = { backlogCount: 5, readStatus: () => Promise.resolve(figures) };
const quiet = { hasProcessMetrics: false };

Deno.test("what the runtime counts appears under its conventional names, in seconds", async () => {
  const { meter, render } = openMetrics("orders", quiet);
  meter.published("orders.order-placed", "confirmed");
  meter.handled("orders.place-order", "committed", 20);
  meter.handled("orders.place-order", "committed", 40);
  meter.turn(2, 30);
  meter.effect("send-notice", "done", 600);
  meter.refused("bad-signature");
  const text = await render(sources);
  for (
    const line of [
      'messaging_client_sent_messages_total{type="orders.order-placed",outcome="confirmed",service="orders"} 1',
      'messaging_client_consumed_messages_total{type="orders.place-order",outcome="committed",service="orders"} 2',
      'messaging_process_duration_seconds_sum{service="orders",type="orders.place-order",outcome="committed"} 0.06',
      'messaging_process_duration_seconds_bucket{le="0.025",service="orders",type="orders.place-order",outcome="committed"} 1',
      'mesh_turn_messages_sum{service="orders"} 2',
      'mesh_turn_duration_seconds_sum{service="orders"} 0.03',
      'mesh_effect_duration_seconds_count{service="orders",effect="send-notice",outcome="done"} 1',
      'mesh_refused_messages_total{reason="bad-signature",service="orders"} 1',
    ]
  ) ok(text.split("\n").includes(line), `${line}\nis missing in\n${text}`);
});

Deno.test("the store's figures are read anew for each rendering, ages in seconds", async () => {
  const { render } = openMetrics("orders", quiet);
  await render({ ...sources, readStatus: () => Promise.resolve({ ...figures, outboxCount: 9 }) });
  const text = await render(sources);
  match(text, /^mesh_outbox_messages\{service="orders"\} 3$/m);
  match(text, /^mesh_outbox_oldest_age_seconds\{service="orders"\} 1.5$/m);
  match(text, /^mesh_publisher_backlog_messages\{service="orders"\} 5$/m);
  match(text, /^mesh_store_up\{service="orders"\} 1$/m);
});

Deno.test("while the store is away the metrics still answer, without stale figures", async () => {
  const { render } = openMetrics("orders", quiet);
  await render(sources);
  const text = await render({ ...sources, readStatus: () => Promise.reject(new Error("away")) });
  match(text, /^mesh_store_up\{service="orders"\} 0$/m);
  doesNotMatch(text, /^mesh_outbox_messages\{/m);
});

Deno.test("two services in one process do not share metrics", async () => {
  const [orders, payments] = [openMetrics("orders", quiet), openMetrics("payments", quiet)];
  orders.meter.refused("schema");
  doesNotMatch(await payments.render(sources), /reason="schema"/);
});

Deno.test("metrics of the process are there without any permission", async () => {
  match(await openMetrics("orders").render(sources), /^nodejs_eventloop_lag_p99_seconds\{service="orders"\}/m);
});

Deno.test("every metric's name ends in its unit or says what it counts, and no name is used twice", () => {
  const names = Object.values(metricNames);
  assertEquals(new Set(names).size, names.length);
  ok(names.every((name) => /^(messaging|mesh)_[a-z_]+$/.test(name)));
});
