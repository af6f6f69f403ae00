import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { ManualClock } from "@mesh/base";
import type { Consumer } from "@mesh/broker";
import { TurnLoop, type TurnLoopOptions } from "./turn_loop.ts";
import { defaultSettings } from "./settings.ts";

/** A consumer after its `cancel`; it gives up on a caller that asks again and again, who would never let go. */
function endedConsumer(): Consumer {
  let count = 0;
  return {
    take: () => {
      if (++count > 100) throw new Error("Cannot take deliveries: asked 100 times after the end");
      return Promise.resolve([]);
    },
    ackThrough: () => {},
    reject: () => {},
    cancel: () => Promise.resolve(),
    subscribedQueues: [],
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

Deno.test("a loop whose consumer has ended goes on with local work, and ends when drained", async () => {
  const warnings: string[] = [];
  const note = (line: string) => warnings.push(line);
  const log = { debug: note, info: note, warn: note, error: note };
  // What else a turn needs is not touched by a loop that takes no message.
  const options = { consumer: endedConsumer(), clock: new ManualClock(), settings: defaultSettings, log };
  const loop = new TurnLoop(options as unknown as TurnLoopOptions);
  const running = loop.run();

  const answer = await loop.exclusively(() => Promise.resolve("done"));
  await new Promise((resolve) => setTimeout(resolve, 0));
  loop.drain();
  await running;

  assertEquals([answer, warnings], ["done", []]);
});
