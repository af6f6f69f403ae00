import { deepStrictEqual as assertEquals, throws as assertThrows } from "node:assert/strict";
import { z } from "zod";
import { defineActor, defineEffect } from "@mesh/actor";
import { answering, defineCommand, defineEvent, unanswering } from "@mesh/contract";
import { defineSaga } from "@mesh/saga";
import { answerTo, deadlinePassed, given, received, testContext, testMessageId, testStart } from "./mod.ts";

const about = { version: 1, schema: z.object({ lamp: z.string() }), key: ({ lamp }: { lamp: string }) => lamp };
const Light = defineCommand("lamps.light", about);
const Dim = defineCommand("lamps.dim", about);
const Forget = defineCommand("lamps.forget", about);
const Lie = defineCommand("lamps.lie", about);
const Stranger = defineCommand("lamps.stranger", about);
const PowerFailed = defineEvent("power.power-failed", about);
const Asked = defineEvent("lamps.asked", {
  ...about,
  schema: about.schema.extend({ commandId: z.string(), atMs: z.int() }),
});
const Lit = defineEvent("lamps.lit", about);
const Dimmed = defineEvent("lamps.dimmed", about);
const Burnt = defineEvent("lamps.burnt", about);
const turnOn = defineEffect("turn-on", {
  dependency: "grid",
  deadlineMs: 1_000,
  request: about.schema,
  outcome: z.object({ isOn: z.boolean() }),
});

interface Lamp {
  readonly commandIds: readonly string[];
  readonly offAtMs?: number;
  readonly seen?: unknown;
}

const lamps = defineActor({
  name: "lamps",
  accepts: { Light, Dim, Forget, Lie, PowerFailed },
  records: { Asked, Lit, Dimmed },
  effects: { turnOn },
  initialState: (): Lamp => ({ commandIds: [] }),
  decide: {
    Light: (_lamp, { lamp }, { messageId, now }) => [
      unanswering(Asked({ lamp, commandId: messageId, atMs: now.getTime() })),
      turnOn({ lamp }),
    ],
    Dim: (_lamp, { lamp }) => Dimmed({ lamp }),
    Forget: () => [],
    // What the compiler refuses, a cast can still slip past it.
    Lie: (_lamp, { lamp }) => Burnt({ lamp }) as unknown as ReturnType<typeof Lit>,
    PowerFailed: () => [],
  },
  evolve: {
    Asked: (lamp, { commandId, atMs }) => ({ commandIds: [...lamp.commandIds, commandId], offAtMs: atMs + 500 }),
    Lit: () => ({ commandIds: [] }),
    Dimmed: (lamp) => ({ ...lamp, seen: new Map([["dimmed", 1]]) }),
  },
  outcomes: { turnOn: ({ commandIds }) => answering(commandIds, Lit({ lamp: "a" })) },
  timer: { dueAtMs: ({ offAtMs }) => offAtMs, decide: () => Lit({ lamp: "a" }) },
});

const asked = Asked({ lamp: "a", commandId: "c-1", atMs: testStart.getTime() });

Deno.test("given and when show what an actor decides, effects included", () => {
  assertEquals(given(lamps, []).when(Light({ lamp: "a" })), [
    unanswering(Asked({ lamp: "a", commandId: testMessageId, atMs: testStart.getTime() })),
    turnOn({ lamp: "a" }),
  ]);
});

Deno.test("when takes what the test cares about of the delivery", () => {
  const [event] = given(lamps, []).when(Light({ lamp: "a" }), { messageId: "c-9", now: new Date(5) });
  assertEquals(event, unanswering(Asked({ lamp: "a", commandId: "c-9", atMs: 5 })));
});

Deno.test("whenOutcome shows what follows from an effect, and refuses an outcome that it cannot have", () => {
  const lit = given(lamps, [asked]);
  assertEquals(lit.whenOutcome(turnOn, { isOn: true }), [answering(["c-1"], Lit({ lamp: "a" }))]);
  assertThrows(() => lit.whenOutcome(turnOn, { isOn: "yes" } as never), /^DefectError: Cannot take outcome/);
});

Deno.test("whenTimer fires at the deadline, and refuses to fire before it or without one", () => {
  const lit = given(lamps, [asked]);
  assertEquals(lit.dueAtMs, testStart.getTime() + 500);
  assertEquals(lit.whenTimer(new Date(lit.dueAtMs!)), [Lit({ lamp: "a" })]);
  assertThrows(() => lit.whenTimer(testStart), /it is due at 2026-01-01T00:00:00\.500Z/);
  assertThrows(() => given(lamps, []).whenTimer(testStart), /it has no deadline/);
});

Deno.test("The kit refuses a command left without event and effect, but lets an event change nothing", () => {
  assertThrows(() => given(lamps, []).when(Forget({ lamp: "a" })), /without event and effect, so unanswered$/);
  assertEquals(given(lamps, []).when(PowerFailed({ lamp: "a" })), []);
});

Deno.test("The kit refuses what an actor does not accept, record or could not snapshot", () => {
  assertThrows(() => given(lamps, []).when(Stranger({ lamp: "a" }) as never), /does not accept it$/);
  assertThrows(() => given(lamps, [Burnt({ lamp: "a" }) as never]), /does not record it$/);
  assertThrows(() => given(lamps, []).when(Lie({ lamp: "a" })), /does not record it$/);
  assertThrows(() => given(lamps, []).when(Dim({ lamp: "a" })), /seen: it holds object .* JSON cannot carry$/);
});

Deno.test("The fixtures fix what a test does not care about", () => {
  assertEquals(testContext({ issuer: "gateway" }), {
    now: testStart,
    messageId: testMessageId,
    correlation: "test",
    issuer: "gateway",
  });
  assertEquals(received(answering(["c-1"], Lit({ lamp: "a" })), { correlation: "flow" }), {
    id: testMessageId,
    kind: "event",
    type: "lamps.lit",
    version: 1,
    key: "a",
    correlation: "flow",
    recordedAtMs: testStart.getTime(),
    re: ["c-1"],
    data: { lamp: "a" },
  });
});

const lightUp = defineSaga("light-up", { version: 1, startedBy: PowerFailed })
  .step("light", {
    command: Light,
    send: ({ lamp }) => ["a", "b"].map((one) => Light({ lamp: lamp + one })),
    succeedsOn: Lit,
    failsOn: Burnt,
    compensate: { command: Dim, send: ({ lamp }) => Dim({ lamp }), succeedsOn: Dimmed },
  })
  .ends({
    completed: { command: Forget, send: ({ lamp }) => Forget({ lamp }), succeedsOn: Asked },
    rejected: { command: Stranger, send: ({ lamp }) => Stranger({ lamp }), succeedsOn: Asked },
  });

Deno.test("An answer without re answers what the saga waits for from that very actor", () => {
  const lit = given(lightUp, [PowerFailed({ lamp: "x" }), Lit({ lamp: "xb" })]);
  assertEquals(lit.waitingFor.map(({ line }) => line), [0]);
  assertEquals(lit.when(Lit({ lamp: "xa" })), [Forget({ lamp: "x" })]);
  assertThrows(() => lit.when(Lit({ lamp: "xb" })), /of "xb": saga "light-up" waits for do light\.0$/);
});

Deno.test("answerTo answers a command that the saga no longer waits for", () => {
  const [first] = given(lightUp, []).turn(PowerFailed({ lamp: "x" })).commands;
  const lit = given(lightUp, [PowerFailed({ lamp: "x" }), Lit({ lamp: "xa" })]);
  const again = lit.turn(answerTo(first!, Burnt({ lamp: "xa" })));
  assertEquals(again.progress, lit.progress);
});

Deno.test("deadlinePassed lets time pass to the saga's deadline, and refuses where there is none", () => {
  const started = given(lightUp, [PowerFailed({ lamp: "x" })], { giveUpAfterMs: 70 });
  assertEquals(started.deadlineMs, testStart.getTime() + 70);
  assertEquals(started.when(deadlinePassed()), [Dim({ lamp: "xa" }), Dim({ lamp: "xb" })]);
  assertThrows(() => given(lightUp, []).when(deadlinePassed()), /has no deadline here$/);
});
