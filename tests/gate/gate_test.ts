import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { isOurs, parseDocLint } from "./doc_lint.ts";
import { addCounts, closingLine, noTests, parseCounts, simulationCounts } from "./test_counts.ts";

Deno.test("the counts are those of the last closing line, steps and ignored tests left out", () => {
  const output = [
    "a test that prints",
    "ok | 99 passed | 0 failed",
    "broken ... FAILED (3ms)",
    "FAILED | 3 passed (1 step) | 2 failed | 1 ignored (33s)",
    "error: Test failed",
  ].join("\n");

  assertEquals(parseCounts(output), { passed: 3, failed: 2 });
});

Deno.test("a run that broke off has no counts", () => {
  assertEquals(parseCounts("running 3 tests\nerror: Uncaught"), undefined);
});

Deno.test("the closing line sums all phases", () => {
  assertEquals(
    closingLine(addCounts(addCounts(noTests, { passed: 2, failed: 0 }), { passed: 3, failed: 1 })),
    "5 passed, 1 failed",
  );
});

Deno.test("a run of schedules counts as one test, each planted mistake as one, a broken rule as none that passed", () => {
  assertEquals(simulationCounts("schedules  5000 in 60 s\nno violation\n"), { passed: 1, failed: 0 });
  assertEquals(simulationCounts("schedules  7 in 1 s\nFAILED seed 7: I4: an order\n"), noTests);
  assertEquals(simulationCounts("a table\n40 of 41 mistakes found\n"), { passed: 40, failed: 1 });
});

const output = `error[missing-jsdoc]: exported symbol is missing JSDoc documentation
  --> /repo/shared/x/x.ts:2:1
  |
2 | export function naked(): void {}
  | ^


error[private-type-ref]: public type 'Box' references private type 'ZodType'
  --> /repo/shared/x/x.ts:3:1

error[missing-jsdoc]: exported symbol is missing JSDoc documentation
 --> /repo/shared/x/x.ts:5:12
`;

Deno.test("doc complaints are read with rule, file and line", () => {
  assertEquals(parseDocLint(output).map(({ rule, file, line }) => [rule, file, line]), [
    ["missing-jsdoc", "/repo/shared/x/x.ts", 2],
    ["private-type-ref", "/repo/shared/x/x.ts", 3],
    ["missing-jsdoc", "/repo/shared/x/x.ts", 5],
  ]);
});

Deno.test("exported declarations need a comment and functions a return type; the rest is noise", () => {
  const source = [
    "",
    "export function naked(): void {}",
    "/** Anything. */",
    "// deno-lint-ignore no-explicit-any",
    "export type Any = any;",
    "  one(): number;",
  ];
  const complaint = { rule: "missing-jsdoc", message: "", file: "x.ts", text: "" };

  assertEquals(isOurs({ ...complaint, line: 2 }, source), true);
  assertEquals(isOurs({ ...complaint, line: 5 }, source), false);
  assertEquals(isOurs({ ...complaint, line: 6 }, source), false);
  assertEquals(isOurs({ ...complaint, rule: "missing-return-type", line: 2 }, source), true);
  assertEquals(isOurs({ ...complaint, rule: "private-type-ref", line: 2 }, source), false);
  assertEquals(isOurs({ ...complaint, rule: "missing-explicit-type", line: 2 }, source), false);
});
