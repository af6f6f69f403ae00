import { ManualClock } from "@mesh/base";
import { MemoryStore } from "@mesh/store";
import { testRequests } from "../requests_conformance.ts";
import { MemoryRequests } from "./memory_requests.ts";

testRequests("MemoryRequests", () => {
  const clock = new ManualClock();
  const store = new MemoryStore({ clock });
  return Promise.resolve({
    requests: new MemoryRequests(store, clock),
    store,
    passTime: (durationMs) => clock.advance(durationMs),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  });
});
