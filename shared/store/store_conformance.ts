import { commitCases } from "./conformance/commit_cases.ts";
import { concurrencyCases } from "./conformance/concurrency_cases.ts";
import { laneCases } from "./conformance/lane_cases.ts";
import { outboxCases } from "./conformance/outbox_cases.ts";
import { readingCases } from "./conformance/reading_cases.ts";
import { redriveCases } from "./conformance/redrive_cases.ts";
import { runCases } from "./conformance/run_cases.ts";
import type { StoreCase, StoreSubject } from "./conformance/subject.ts";
import { workCases } from "./conformance/work_cases.ts";

export type { StoreCase, StoreSubject };

/** Every promise of the port, as a case that runs against any adapter. */
export const storeCases: readonly StoreCase[] = [
  ...commitCases,
  ...outboxCases,
  ...workCases,
  ...readingCases,
  ...redriveCases,
  ...laneCases,
  ...runCases,
  ...concurrencyCases,
];
