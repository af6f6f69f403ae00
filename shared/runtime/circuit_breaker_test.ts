import { rejects, strictEqual } from "node:assert/strict";
import { CircuitBreaker } from "./circuit_breaker.ts";

/** A breaker on time that the test moves, and a dependency that the test breaks. */
function opened() {
  const time = { ms: 0 };
  const breaker = new CircuitBreaker({ monotonicMs: () => time.ms }, { failuresMax: 3, openMs: 5_000 });
  let callCount = 0;
  const call = (works: boolean) =>
    breaker.execute(() => {
      callCount += 1;
      return works ? Promise.resolve("done") : Promise.reject(new Error("away"));
    });
  return { time, breaker, call, callCount: () => callCount };
}

Deno.test("after some failures in a row nothing is called until the time is over, then one call tries", async () => {
  const { time, call, callCount } = opened();
  for (let count = 0; count < 3; count += 1) await rejects(call(false), /away/);

  await rejects(call(true), { reason: "circuit-open" });
  time.ms = 4_999;
  await rejects(call(true), { reason: "circuit-open" });
  strictEqual(callCount(), 3);
  time.ms = 5_000;
  strictEqual(await call(true), "done");
  strictEqual(await call(true), "done");
});

Deno.test("a trial that fails opens the circuit for as long again", async () => {
  const { time, call } = opened();
  for (let count = 0; count < 3; count += 1) await rejects(call(false), /away/);
  time.ms = 5_000;
  await rejects(call(false), /away/);

  time.ms = 9_999;
  await rejects(call(true), { reason: "circuit-open" });
  time.ms = 10_000;
  strictEqual(await call(true), "done");
});

Deno.test("only one call at a time tries", async () => {
  const { time, breaker, call } = opened();
  for (let count = 0; count < 3; count += 1) await rejects(call(false), /away/);
  time.ms = 5_000;
  const slow = Promise.withResolvers<string>();
  const trial = breaker.execute(() => slow.promise);

  await rejects(call(true), { reason: "circuit-open" });
  slow.resolve("done");
  strictEqual(await trial, "done");
});

Deno.test("failures that are not in a row open nothing", async () => {
  const { call } = opened();
  for (let count = 0; count < 9; count += 1) {
    await rejects(call(false), /away/);
    strictEqual(await call(true), "done");
  }
});
