import { systemClock } from "@mesh/base";
import { MemoryStore } from "@mesh/store";
import { testOperatorActs } from "./operator_acts_conformance.ts";

testOperatorActs("the memory store", () => Promise.resolve(new MemoryStore({ clock: systemClock })));
