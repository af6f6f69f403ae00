import { deepStrictEqual as assertEquals, rejects as assertRejects } from "node:assert/strict";
import { DefectError, UnavailableError } from "@mesh/base";
import { openFixture } from "./accounts_fixture.ts";
import { startUp } from "./start_up.ts";

const seeds = [{ email: "a@example.com", password: "four words in a row", displayName: "A", role: "staff" as const }];

Deno.test("startUp waits for a database that is away, then seeds and reports", async () => {
  const { parts, store, clock } = await openFixture();
  let failures = 2;
  const away = new Proxy(store, {
    get: (target, name) => {
      if (name === "listUnreportedReuse" && failures > 0) {
        failures -= 1;
        return () => Promise.reject(new UnavailableError("Cannot list: away"));
      }
      const member = target[name as keyof typeof target];
      return typeof member === "function" ? (member as () => unknown).bind(target) : member;
    },
  });
  let isDone = false;
  const done = startUp({ ...parts, store: away }, seeds, new AbortController().signal).then(() => isDone = true);
  await waitUntil(() => clock.waitingCount === 1, clock);
  await clock.advance(1_000);
  await waitUntil(() => clock.waitingCount === 1, clock);
  assertEquals(isDone, false);
  await clock.advance(1_000);
  await done;
  assertEquals(store.events.map(({ type }) => type), ["users.customer-registered"]);
});

Deno.test("startUp ends with the service, database or not", async () => {
  const { parts, store } = await openFixture();
  const stop = new AbortController();
  const findAccountByEmail = () => {
    stop.abort();
    return Promise.reject(new UnavailableError("Cannot find: away"));
  };
  const away = Object.assign(Object.create(store), { findAccountByEmail });
  await startUp({ ...parts, store: away }, seeds, stop.signal);
});

Deno.test("startUp does not wait for a bug to heal", async () => {
  const { parts } = await openFixture();
  const turns = { run: () => Promise.reject(new DefectError("Cannot run: broken")) };
  await assertRejects(startUp({ ...parts, turns }, seeds, new AbortController().signal), { code: "defect" });
});

async function waitUntil(isTrue: () => boolean, clock: { advance(durationMs: number): Promise<void> }): Promise<void> {
  while (!isTrue()) await clock.advance(0);
}
