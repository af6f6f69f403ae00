import type { ConformanceHarness } from "./world.ts";

/** Cases by the sentence that they prove; "a broker" is the subject of each. */
export type CaseTable = Readonly<Record<string, (harness: ConformanceHarness) => Promise<void>>>;
