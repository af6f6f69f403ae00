import { amountText } from "./event_story.ts";
import { endingText, type Outcome } from "./play_scenario.ts";
import type { Stage } from "./run_demo.ts";
import { scenarios } from "./scenarios.ts";
import { headText, type Palette, progressText, timelineText } from "./screen.ts";

/** Shows the demo line by line, as it happens. */
export function textStage(print: (text: string) => void, palette: Palette): Stage {
  return {
    opened: ({ email }, products) => {
      print(`a new customer has registered, logged in and moved in: ${email}`);
      print(`on sale: ${products.length} products`);
      for (const { sku, name, priceMinor, currency } of products.slice(0, 5)) {
        print(palette.dim(`  ${sku}  ${name.padEnd(28)}${amountText(priceMinor, currency).padStart(12)}`));
      }
      if (products.length > 5) print(palette.dim("  …"));
    },
    begins: (index) => {
      print(headText(scenarios[index]!, index + 1, palette));
      return {
        accepted: (orderId, afterMs) =>
          print(`${palette.dim(`${afterMs.toFixed(0).padStart(7)} ms     202`)}  order ${orderId} accepted`),
        progress: (step, afterMs) => print(progressText(step, afterMs, palette)),
        aside: (text) => print(palette.strong(`            ·····  ${text}`)),
      };
    },
    ended: (outcome) => print(timelineText(outcome, palette)),
  };
}

/** Shows nothing: what is printed at the end is a document. */
export const silentStage: Stage = Object.freeze({
  opened: () => {},
  begins: () => ({ accepted: () => {}, progress: () => {}, aside: () => {} }),
  ended: () => {},
});

/** The whole demo as one JSON document. */
export function demoDocument(baseUrl: string, outcomes: readonly Outcome[]): unknown {
  return {
    baseUrl,
    isAsExpected: outcomes.every(({ faults }) => faults.length === 0),
    orders: outcomes.map(({ scenario, order, endedMs, events, balance, isSkipped, faults }) => ({
      title: scenario.title,
      orderId: order.orderId,
      expected: endingText(scenario.expected),
      endedAs: endingText(order),
      isSkipped,
      faults,
      endedMs: Math.round(endedMs),
      ...balance,
      events: events.map(({ claims: { jti, iss, sub, evt, n, dat }, kid, recordedAtMs, fault }) => ({
        id: jti,
        signer: iss,
        subject: sub,
        type: evt,
        position: n,
        recordedAt: new Date(recordedAtMs).toISOString(),
        data: dat,
        isVerified: fault === undefined,
        kid,
        ...(fault === undefined ? {} : { fault }),
      })),
    })),
  };
}
