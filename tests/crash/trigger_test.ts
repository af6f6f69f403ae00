import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { caughtUpLine, heldLine, pointOfHeldLine } from "./held_line.ts";
import { backlogOf, triggerOf } from "./trigger.ts";

const reaches = (trigger: ReturnType<typeof triggerOf>, count: number) =>
  Array.from({ length: count }, () => trigger.reach());

Deno.test("a point counts once, after it was passed as often as was said", () => {
  assertEquals(reaches(triggerOf({ passes: 2, waitsForCatchUp: false }), 5), [false, false, true, false, false]);
});

Deno.test("a point that waits for the mailbox does not count before, and is not passed by then", () => {
  const trigger = triggerOf({ passes: 1, waitsForCatchUp: true });
  assertEquals(reaches(trigger, 3), [false, false, false]);
  trigger.arm();
  assertEquals(reaches(trigger, 2), [false, true]);
});

Deno.test("a process has caught up with the first acknowledgement that leaves few deliveries open", () => {
  const backlog = backlogOf(2);
  const channel = {};
  for (let count = 0; count < 10; count += 1) backlog.noteDelivery(channel);
  assertEquals([3, 7, 8, 9].map((tag) => backlog.noteAck(channel, tag)), [false, false, true, false]);
});

Deno.test("deliveries are counted by channel, as their tags are", () => {
  const backlog = backlogOf(0);
  const [first, second] = [{}, {}];
  for (const channel of [first, first, second]) backlog.noteDelivery(channel);
  assertEquals([backlog.noteAck(first, 1), backlog.noteAck(second, 1)], [false, true]);
});

Deno.test("the line of a held process names its point, every other line none", () => {
  assertEquals(["before ack", "swept"].map((point) => pointOfHeldLine(heldLine(point))), ["before ack", "swept"]);
  assertEquals([caughtUpLine, "{}", ""].map(pointOfHeldLine), [undefined, undefined, undefined]);
});
