import { deepStrictEqual as assertEquals, throws } from "node:assert/strict";
import { baselineText, lossesFrom, readBaseline } from "./baseline.ts";

const spread = (median: number) => ({ median, min: median, max: median });

Deno.test("a fifth may be lost, and anything may be won", () => {
  const baseline = { recorded: "", ratios: { saturation: 0.5, sign: 0.5 } };
  assertEquals(lossesFrom(baseline, { saturation: spread(0.401), sign: spread(0.9) }), []);
});

Deno.test("a ratio that could not be measured is a loss", () => {
  assertEquals(lossesFrom({ recorded: "", ratios: { saturation: 0.5 } }, {}), [
    "saturation could not be measured: it was 0.500",
  ]);
});

Deno.test("a baseline is read as it was written", () => {
  const text = baselineText("today", { saturation: spread(0.123456) });
  assertEquals(readBaseline(text), { recorded: "today", ratios: { saturation: 0.123 } });
});

Deno.test("what is no baseline is refused", () => {
  throws(() => readBaseline('{"ratios":{"sign":-1}}'), { name: "ConfigError" });
});
