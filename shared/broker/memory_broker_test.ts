import { brokerConformance } from "./broker_conformance.ts";
import { MemoryWorld } from "./conformance/memory_world.ts";

brokerConformance("a broker in memory", { openWorld: (topology) => MemoryWorld.open(topology) });
