import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { ManualClock, sequentialIds } from "@mesh/base";
import { silentLog } from "@mesh/runtime";
import { MemoryStore, noWrites } from "@mesh/store";
import { orchestratorHost } from "./host.ts";
import { KnownVersions } from "./known_versions.ts";

async function faultsWith(version: number): Promise<readonly string[]> {
  const clock = new ManualClock();
  const store = new MemoryStore({ clock });
  const stream = "orchestrator/place-order/order-1";
  await store.commit({
    ...noWrites,
    expected: [{ stream, version: 0 }],
    events: [{
      stream,
      version: 1,
      id: sequentialIds().next(),
      type: "orchestrator.saga-advanced",
      schemaVersion: 1,
      correlation: "order-1",
      re: [],
      data: { saga: "place-order", version },
      envelope: "e",
      hash: "h",
    }],
    timers: [{ stream, dueAtMs: clock.nowMs() + 600_000 }],
  });
  const known = new KnownVersions();
  assertEquals(known.faults, ["sagas: unfinished instances are being looked through"]);
  const { signal } = new AbortController();
  await known.look(orchestratorHost(), store, { log: silentLog, signal, delay: () => Promise.resolve() });
  return known.faults;
}

Deno.test("the orchestrator is ready when it has every version that unfinished sagas name", async () => {
  assertEquals(await faultsWith(1), []);
});

Deno.test("the orchestrator is not ready while an unfinished saga names a version that it lacks", async () => {
  assertEquals(await faultsWith(7), ['sagas: unfinished instances need "place-order#7"']);
});
