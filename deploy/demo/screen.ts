import { amountText, storyOf } from "./event_story.ts";
import type { ProgressStep } from "./follow_order.ts";
import { endingText, type Outcome } from "./play_scenario.ts";
import type { ProvenEvent } from "./proven_event.ts";
import type { Scenario } from "./scenarios.ts";

/** Writes with colours, or without. */
export interface Palette {
  strong(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  /** A colour of its own for each service. */
  service(name: string): string;
}

const plain = (text: string) => text;

/** For files and pipes, and where `NO_COLOR` is set (https://no-color.org). */
export const plainPalette: Palette = Object.freeze({
  strong: plain,
  dim: plain,
  good: plain,
  bad: plain,
  service: plain,
});

const ansi = (code: string) => (text: string) => `\x1b[${code}m${text}\x1b[0m`;
const serviceColours = ["36", "33", "35", "34", "32", "96", "93", "95"].map(ansi);

/** For terminals. */
export const colourPalette: Palette = Object.freeze({
  strong: ansi("1"),
  dim: ansi("2"),
  good: ansi("32"),
  bad: ansi("1;31"),
  service: (name: string) => {
    const services = ["orders", "inventory", "payments", "shipping", "orchestrator", "notifications"];
    const at = services.indexOf(name.trim());
    return serviceColours[at < 0 ? 6 : at]!(name);
  },
});

/** Width that everything fits into: a window of half a screen. */
const widthMax = 118;

/** The head of a scenario's screen. */
export function headText({ title, story, order }: Scenario, number: number, palette: Palette): string {
  const lines = order.lines.map(({ sku, units }) => `${units} × ${sku}`).join(", ");
  const head = `── ${number} · ${title} `;
  return [
    "",
    palette.strong(head.padEnd(widthMax, "─")),
    story,
    palette.dim(`${lines}, paid with ${order.paymentMethod}`),
  ].join("\n");
}

/** One line of progress, as the customer's stream tells it. */
export function progressText({ step, outcome, next }: ProgressStep, afterMs: number, palette: Palette): string {
  const then = next === undefined ? "" : palette.dim(` → ${next}`);
  return `${palette.dim(`${afterMs.toFixed(0).padStart(7)} ms  stream`)}  ${step} ${outcome}${then}`;
}

/** Everything that was signed about an order, one line each, as it was caused. */
export function timelineText({ events, order, faults }: Outcome, palette: Palette): string {
  const sorted = sortedEvents(events);
  const startMs = sorted[0]?.recordedAtMs ?? 0;
  const failed = events.filter(({ fault }) => fault !== undefined).length;
  const signers = new Set(events.map(({ claims }) => claims.iss)).size;
  return [
    palette.dim(`     ms  ${"signed by".padEnd(14)}${"event".padEnd(25)}${"about".padEnd(56)}signature`),
    ...sorted.map((event) => eventText(event, startMs, palette)),
    failed === 0
      ? palette.good(`✔ ${events.length} signatures of ${signers} services verified here; streams are unbroken`)
      : palette.bad(`✘ ${failed} of ${events.length} signatures do not verify`),
    `ended as ${palette.strong(endingText(order))}, ${amountText(order.totalMinor, order.currency)}`,
    ...faults.map((fault) => palette.bad(`✘ ${fault}`)),
  ].join("\n");
}

/** As recorded, which is in whole milliseconds: within one, a stream's own order counts. */
function sortedEvents(events: readonly ProvenEvent[]): readonly ProvenEvent[] {
  return events.toSorted((a, b) => {
    const isSameStream = a.claims.sub === b.claims.sub;
    return a.recordedAtMs - b.recordedAtMs || (isSameStream ? a.claims.n - b.claims.n : 0);
  });
}

function eventText({ claims, kid, recordedAtMs, fault }: ProvenEvent, startMs: number, palette: Palette): string {
  const { iss, evt } = claims;
  const name = evt.slice(evt.indexOf(".") + 1);
  const proof = fault === undefined
    ? `${palette.good("✔")} ${palette.dim(kid.slice(0, 8))}`
    : palette.bad(`✘ ${fault}`);
  return [
    palette.dim(String(recordedAtMs - startMs).padStart(7)),
    "  ",
    palette.service(iss.padEnd(14)),
    name.padEnd(25),
    fitted(storyOf(claims), 55).padEnd(56),
    proof,
  ].join("");
}

/** The table at the end. */
export function summaryText(outcomes: readonly Outcome[], palette: Palette): string {
  const rows = outcomes.map((outcome) => {
    const { scenario, order, endedMs, events, balance, faults, isSkipped } = outcome;
    const { unitsShipped, unitsHeld, paidMinor } = balance;
    const mark = faults.length > 0 ? palette.bad("✘") : isSkipped ? palette.dim("–") : palette.good("✔");
    return [
      mark,
      fitted(scenario.title, 45).padEnd(46),
      endingText(order).padEnd(27),
      endedMs.toFixed(0).padStart(7),
      String(events.length).padStart(8),
      String(unitsShipped).padStart(9),
      String(unitsHeld).padStart(6),
      amountText(paidMinor, order.currency).padStart(12),
    ].join(" ");
  });
  const heads = ["order".padEnd(46), "ended as".padEnd(27), "ms".padStart(7), "events".padStart(8)];
  const tails = ["shipped".padStart(9), "held".padStart(6), "paid".padStart(12)];
  const wrong = outcomes.filter(({ faults }) => faults.length > 0).length;
  const skipped = outcomes.filter(({ isSkipped }) => isSkipped).length;
  return [
    "",
    palette.strong("── Summary ".padEnd(widthMax, "─")),
    palette.dim(`  ${[...heads, ...tails].join(" ")}`),
    ...rows,
    "",
    wrong > 0
      ? palette.bad(`${wrong} of ${outcomes.length} orders did not end as they should`)
      : palette.good(`${outcomes.length - skipped} orders ended as they should`),
    ...(skipped === 0
      ? []
      : [`${skipped} was cancelled before the shop gave it up: its limit is longer than this demo's patience`]),
  ].join("\n");
}

function fitted(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
