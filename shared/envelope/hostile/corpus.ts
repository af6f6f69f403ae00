import type { HostileCase } from "./forge.ts";
import { claimCases, payloadCases } from "./payload_cases.ts";
import { keyCases, rightsCases } from "./trust_cases.ts";
import { formCases, headerCases } from "./wire_cases.ts";

/** Every attack of this package's corpus, by name. Unless it says otherwise, inventory meets it. */
export const hostileCases: readonly HostileCase[] = [
  ...formCases,
  ...headerCases,
  ...keyCases,
  ...payloadCases,
  ...claimCases,
  ...rightsCases,
];
