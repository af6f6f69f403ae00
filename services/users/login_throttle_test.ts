import { deepStrictEqual as assertEquals } from "node:assert/strict";
import {
  accountPolicy,
  giveBackAttempt,
  placePolicy,
  takeAttempt,
  type Throttle,
  type ThrottlePolicy,
} from "./login_throttle.ts";

const policy: ThrottlePolicy = { freeCount: 3, waitFirstMs: 1_000, waitMaxMs: 5_000, forgetAfterMs: 60_000 };

Deno.test("takeAttempt lets the free attempts through, then doubles the wait up to its bound", () => {
  let throttle: Throttle | undefined;
  const waitsMs: number[] = [];
  for (let nowMs = 10_000; waitsMs.length < 7;) {
    const attempt = takeAttempt([{ throttle, policy }], nowMs);
    if (!attempt.isAllowed) throw new Error("the wait was over");
    throttle = attempt.throttles[0]!;
    waitsMs.push(Math.max(0, throttle.blockedUntilMs - nowMs));
    nowMs = Math.max(nowMs + 1, throttle.blockedUntilMs);
  }
  assertEquals(waitsMs, [0, 0, 1_000, 2_000, 4_000, 5_000, 5_000]);
});

Deno.test("takeAttempt says how long to wait and counts nothing meanwhile", () => {
  const throttle = { attemptCount: 3, lastAtMs: 10_000, blockedUntilMs: 12_001 };
  assertEquals(takeAttempt([{ throttle, policy }], 10_001), { isAllowed: false, retryAfterSeconds: 2 });
  assertEquals(takeAttempt([{ throttle, policy }], 12_001).isAllowed, true);
});

Deno.test("takeAttempt counts on no subject when one of them must wait", () => {
  const blocked = { attemptCount: 3, lastAtMs: 10_000, blockedUntilMs: 12_000 };
  const asked = [{ throttle: undefined, policy }, { throttle: blocked, policy }];
  assertEquals(takeAttempt(asked, 11_999), { isAllowed: false, retryAfterSeconds: 1 });
});

Deno.test("takeAttempt forgets what is long past", () => {
  const throttle = { attemptCount: 9, lastAtMs: 10_000, blockedUntilMs: 15_000 };
  const attempt = takeAttempt([{ throttle, policy }], 70_001);
  assertEquals(attempt, {
    isAllowed: true,
    throttles: [{ attemptCount: 1, lastAtMs: 70_001, blockedUntilMs: 0 }],
  });
});

Deno.test("giveBackAttempt takes one attempt back and never ends a wait", () => {
  const throttle = { attemptCount: 3, lastAtMs: 10_000, blockedUntilMs: 12_000 };
  assertEquals(giveBackAttempt(throttle), { attemptCount: 2, lastAtMs: 10_000, blockedUntilMs: 12_000 });
  assertEquals(giveBackAttempt({ ...throttle, attemptCount: 0 }).attemptCount, 0);
});

Deno.test("accountPolicy leaves about a hundred guesses a day, placePolicy some more", () => {
  assertEquals([guessesPerDay(accountPolicy), guessesPerDay(placePolicy)], [109, 154]);
});

function guessesPerDay(of: ThrottlePolicy): number {
  let throttle: Throttle | undefined;
  let count = 0;
  for (let nowMs = 0; nowMs < 86_400_000; nowMs = Math.max(nowMs, throttle?.blockedUntilMs ?? 0)) {
    const attempt = takeAttempt([{ throttle, policy: of }], nowMs);
    throttle = attempt.isAllowed ? attempt.throttles[0] : throttle;
    count += 1;
  }
  return count;
}
