import { deepStrictEqual as assertEquals } from "node:assert/strict";
import type { Outcome } from "./play_scenario.ts";
import type { ProvenEvent } from "./proven_event.ts";
import { scenarios } from "./scenarios.ts";
import { plainPalette, summaryText, timelineText } from "./screen.ts";

function event(n: number, evt: string, recordedAtMs: number, dat: ProvenEvent["claims"]["dat"]): ProvenEvent {
  const [iss = ""] = evt.split(".");
  return {
    recordedAtMs,
    claims: { jti: `id-${n}`, iss, sub: `${iss}/1`, evt, n, prv: null, dat },
    kid: "0123456789",
    hash: `${n}`,
  };
}

const outcome: Outcome = {
  scenario: scenarios[0]!,
  order: { orderId: "1", status: "confirmed", currency: "EUR", totalMinor: 4_570, progress: [] },
  endedMs: 212.4,
  events: [
    event(2, "orders.order-confirmed", 1_200, {}),
    event(1, "orders.order-placed", 1_000, {
      lines: [{ sku: "TEA-0001", units: 2 }],
      totalMinor: 4_570,
      currency: "EUR",
    }),
  ],
  balance: { unitsHeld: 0, unitsShipped: 2, paidMinor: 4_570, captures: 1 },
  isSkipped: false,
  faults: [],
};

Deno.test("a timeline tells who signed what and when, in the order of recording", () => {
  assertEquals(timelineText(outcome, plainPalette).split("\n").map((line) => line.replaceAll(/\s+/g, " ").trim()), [
    "ms signed by event about signature",
    "0 orders order-placed 2 × TEA-0001, 45.70 EUR ✔ 01234567",
    "200 orders order-confirmed ✔ 01234567",
    "✔ 2 signatures of 1 services verified here; streams are unbroken",
    "ended as confirmed, 45.70 EUR",
  ]);
});

Deno.test("a timeline shows what does not verify", () => {
  const [first, second] = outcome.events;
  const forged = {
    ...outcome,
    events: [first!, { ...second!, fault: "ERR_JWS" }],
    faults: ["orders.order-placed: ERR_JWS"],
  };
  const lines = timelineText(forged, plainPalette).split("\n");

  assertEquals(lines.filter((line) => line.includes("✘")).map((line) => line.slice(line.indexOf("✘"))), [
    "✘ ERR_JWS",
    "✘ 1 of 2 signatures do not verify",
    "✘ orders.order-placed: ERR_JWS",
  ]);
});

Deno.test("the summary counts what went wrong and what was skipped", () => {
  const last = (outcomes: readonly Outcome[]) => summaryText(outcomes, plainPalette).split("\n").slice(-1);

  assertEquals([last([outcome]), last([outcome, { ...outcome, faults: ["x"] }])], [
    ["1 orders ended as they should"],
    ["1 of 2 orders did not end as they should"],
  ]);
  assertEquals(
    last([outcome, { ...outcome, isSkipped: true }]),
    ["1 was cancelled before the shop gave it up: its limit is longer than this demo's patience"],
  );
});
