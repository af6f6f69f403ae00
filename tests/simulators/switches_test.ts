import { deepStrictEqual as assertEquals, throws } from "node:assert/strict";
import { createSwitchboard, switchesSchema } from "./switches.ts";

const calm = { delayMs: 0, failStatus: undefined, isAnswerLost: false, isDuplicated: false };
const neverRandom = () => 0.999;

Deno.test("every switch is off at first", () => {
  assertEquals(createSwitchboard(switchesSchema, neverRandom).deal(true), calm);
});

Deno.test("failCount fails that many requests and no more", () => {
  const board = createSwitchboard(switchesSchema, neverRandom);
  board.replace({ failCount: 2, failStatus: 503 });

  assertEquals([1, 2, 3].map(() => board.deal(true).failStatus), [503, 503, undefined]);
});

Deno.test("failRate fails the requests whose draw lies below it", () => {
  const draws = [0.1, 0.5, 0.29];
  const board = createSwitchboard(switchesSchema, () => draws.shift() ?? 1);
  board.replace({ failRate: 0.3 });

  assertEquals([1, 2, 3].map(() => board.deal(false).failStatus), [500, undefined, 500]);
});

Deno.test("only a write loses its answer or comes twice", () => {
  const board = createSwitchboard(switchesSchema, neverRandom);
  board.replace({ loseAnswerCount: 1, duplicateCount: 1 });

  assertEquals([board.deal(false), board.deal(true), board.deal(true)], [
    calm,
    { ...calm, isAnswerLost: true, isDuplicated: true },
    calm,
  ]);
});

Deno.test("a failing request uses up no lost answer", () => {
  const board = createSwitchboard(switchesSchema, neverRandom);
  board.replace({ failCount: 1, loseAnswerCount: 1 });

  assertEquals([board.deal(true).isAnswerLost, board.deal(true).isAnswerLost], [false, true]);
});

Deno.test("replace turns off what it does not name", () => {
  const board = createSwitchboard(switchesSchema, neverRandom);
  board.replace({ delayMs: 50, failCount: 3 });
  board.replace({ delayMs: 20 });

  assertEquals(board.deal(true), { ...calm, delayMs: 20 });
});

Deno.test("replace refuses an unknown switch and keeps the old ones", () => {
  const board = createSwitchboard(switchesSchema, neverRandom);
  board.replace({ delayMs: 50 });

  throws(() => board.replace({ delayms: 20 }));
  assertEquals(board.read().delayMs, 50);
});
