import { ManualClock } from "@mesh/base";
import { MemoryStore } from "@mesh/store";
import { testRedrive } from "./redrive_conformance.ts";

testRedrive("the memory store", () => {
  const clock = new ManualClock();
  return Promise.resolve({
    store: new MemoryStore({ clock }),
    advance: (durationMs: number) => clock.advance(durationMs),
  });
});
