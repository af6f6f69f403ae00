import { deepStrictEqual as assertEquals, throws as assertThrows } from "node:assert/strict";
import type { Outgoing } from "@mesh/actor";
import { sequentialIds } from "@mesh/base";
import { answering, type AnyCommand, type AnyEvent, type AnyMessage } from "@mesh/contract";
import { received, testContext, testStart } from "@mesh/testing";
import {
  defineSagaOperatedEvent,
  explainSaga,
  initialSagaState,
  type SagaAct,
  sagaBehaviour,
  type SagaState,
  waitingFor,
} from "./mod.ts";
import * as trip from "./sample_saga_fixture.ts";
import { bookTrip, SagaAdvanced } from "./sample_saga_fixture.ts";

const SagaOperated = defineSagaOperatedEvent("travel.saga-operated");
const host = sagaBehaviour({ service: "travel", event: SagaAdvanced, operated: SagaOperated, sagas: [bookTrip] });
const ids = sequentialIds();
const startMs = testStart.getTime();
const minuteMs = 60_000;

/** One instance, as the runtime would move it; what was recorded goes through JSON. */
class Instance {
  state: SagaState = initialSagaState("book-trip", "flow-1");
  nowMs = startMs;
  commands: readonly (AnyCommand & { readonly id: string })[] = [];

  take(outgoing: readonly Outgoing[]): readonly Outgoing[] {
    for (const event of outgoing.filter((one) => one.kind === "event") as AnyEvent[]) {
      this.state = host.evolve(this.state, JSON.parse(JSON.stringify(event)));
    }
    this.commands = outgoing.filter((one) => one.kind === "command") as typeof this.commands;
    return outgoing;
  }

  hear(message: AnyMessage): void {
    this.take(host.decide(this.state, received(message, { correlation: "flow-1" }), this.#context));
  }

  /** Answers what is waited for first. */
  answer(event: AnyEvent): void {
    this.hear(answering([waitingFor(this.state.progress)[0]!.id], event));
  }

  /** Lets time pass to the next deadline. */
  wake(): void {
    this.nowMs = this.state.deadlineMs!;
    this.take(host.decideTimer(this.state, this.#context));
  }

  act(act: SagaAct | Record<string, unknown>, id = ids.next()): readonly Outgoing[] {
    return this.take(host.operate!(this.state, { id, reason: "a test", act }, this.#context));
  }

  get asked(): readonly string[] {
    return this.commands.map(({ type }) => type);
  }

  get explained() {
    return explainSaga(bookTrip, this.state, this.nowMs);
  }

  get #context() {
    return { ...testContext(), now: new Date(this.nowMs), newId: ids.next };
  }
}

const name = "t1";
const steps: readonly AnyEvent[] = [
  trip.CustomerChecked({ trip: name }),
  trip.SeatHeld({ trip: name, seat: "1A", coach: 1 }),
  trip.MoneyHeld({ trip: name }),
  trip.MoneyTaken({ trip: name }),
];

/** @param answered Steps that have succeeded: 3 for a saga at its pivot. */
function booked(answered: number): Instance {
  const instance = new Instance();
  instance.hear(trip.TripBooked({ trip: name, seats: ["1A"], amountMinor: 900 }));
  for (const event of steps.slice(0, answered)) instance.answer(event);
  return instance;
}

/** At the pivot, silent for so long that it needs attention. */
function stuck(answered = 3): Instance {
  const instance = booked(answered);
  instance.wake();
  return instance;
}

function refusal(message: RegExp) {
  return { code: "store.conflict", message };
}

Deno.test("A shift moves the next deadline, and the step that waited for it gives up then", () => {
  const instance = booked(1);
  instance.act({ name: "shift-timer", byMs: 5 * minuteMs });
  assertEquals(instance.state.deadlineMs, startMs + 15 * minuteMs);
  instance.nowMs = startMs + 10 * minuteMs;
  assertEquals(host.dueAtMs(instance.state), startMs + 15 * minuteMs);
  instance.wake();
  assertEquals([instance.state.progress.phase, instance.asked], ["turning-back", ["seats.free-seat"]]);
  assertEquals(instance.state.deadlineMs, startMs + 30 * minuteMs);
});

Deno.test("A shift does not reach commands that were sent before, and the explanation says when they expire", () => {
  const instance = booked(1);
  instance.act({ name: "shift-timer", byMs: minuteMs });
  const { waits, deadline, shiftMs } = instance.explained;
  assertEquals(waits.map(({ expiresAtMs }) => expiresAtMs), [startMs + 10 * minuteMs]);
  assertEquals([deadline?.atMs, deadline?.for, shiftMs], [startMs + 11 * minuteMs, "give-up", minuteMs]);
});

Deno.test("A shift moves an attempt that waits, and the alarm with it", () => {
  const instance = booked(4);
  instance.answer(trip.PrinterJammed({ trip: name, seat: "1A" }));
  assertEquals(instance.explained.deadline?.for, "attempt");
  instance.act({ name: "shift-timer", byMs: 30 * minuteMs });
  assertEquals(instance.state.deadlineMs, startMs + 1_000 + 30 * minuteMs);
  instance.wake();
  assertEquals([instance.asked, instance.state.progress.needsAttention], [["printer.print-ticket"], false]);
});

Deno.test("An alarm can be cancelled; a deadline that ends a wait cannot", () => {
  const pivot = booked(3);
  pivot.act({ name: "cancel-timer" });
  assertEquals([pivot.state.deadlineMs, pivot.state.progress.needsAttention], [null, false]);
  assertThrows(() => pivot.act({ name: "cancel-timer" }), refusal(/no deadline/));
  assertThrows(() => pivot.act({ name: "shift-timer", byMs: 1 }), refusal(/only a message can move it/));
  assertThrows(() => booked(1).act({ name: "cancel-timer" }), refusal(/lost answer; shift it, or compensate/));
  const refused = booked(4);
  refused.answer(trip.PrinterJammed({ trip: name, seat: "1A" }));
  assertThrows(() => refused.act({ name: "cancel-timer" }), refusal(/never be asked for again/));
});

Deno.test("Resuming takes attention away, begins the wait anew and has commands sent again", () => {
  const instance = stuck();
  instance.nowMs += minuteMs;
  const [event] = instance.act({ name: "resume" });
  assertEquals((event as { asksAgain?: boolean }).asksAgain, true);
  assertEquals([instance.state.progress.needsAttention, instance.commands], [false, []]);
  assertEquals(instance.state.deadlineMs, instance.nowMs + 15 * minuteMs);
  assertThrows(() => instance.act({ name: "resume" }), refusal(/does not need attention/));
});

Deno.test("Retrying a step asks for what was refused under a new id, and never for what is unanswered", () => {
  const instance = booked(4);
  const [first] = waitingFor(instance.state.progress);
  instance.answer(trip.PrinterJammed({ trip: name, seat: "1A" }));
  instance.act({ name: "retry-step" });
  const [second] = waitingFor(instance.state.progress);
  assertEquals([instance.asked, first!.id === second!.id], [["printer.print-ticket"], false]);
  instance.act({ name: "retry-step" });
  assertEquals([instance.asked, waitingFor(instance.state.progress)], [[], [second]]);
});

Deno.test("Compensating turns back as the step's limit would have, and not after the pivot was sent", () => {
  const instance = booked(2);
  instance.act({ name: "compensate" });
  assertEquals(instance.asked, ["money.free-money"]);
  assertEquals(instance.state.progress.failure, { step: "holdMoney", reason: "unknown" });
  assertThrows(() => instance.act({ name: "compensate" }), refusal(/turning back already/));
  assertThrows(() => booked(3).act({ name: "compensate" }), refusal(/nobody knows what came of its pivot/));
  assertThrows(() => booked(4).act({ name: "compensate" }), refusal(/point of no return/));
});

Deno.test("Settling by hand is the answer that nobody gave, and ends the command", () => {
  const instance = stuck();
  const [waiting] = waitingFor(instance.state.progress);
  const [event] = instance.act({ name: "settle", outcome: "succeeded", data: { trip: name } });
  assertEquals((event as { ends?: readonly string[] }).ends, [waiting!.id]);
  assertEquals([instance.asked, instance.state.progress.at], [["printer.print-ticket"], 4]);
  instance.hear(answering([waiting!.id], trip.TakingRefused({ trip: name })));
  assertEquals(instance.state.progress.phase, "running");
});

Deno.test("A pivot settled as refused turns the saga back", () => {
  const instance = stuck();
  instance.act({ name: "settle", outcome: "refused", data: { trip: name } });
  assertEquals(instance.asked, ["money.free-money"]);
  assertEquals(instance.state.progress.failure?.reason, "refused");
});

Deno.test("Undos and ends are settled without data, and what must succeed cannot be settled as refused", () => {
  const undoing = booked(2);
  undoing.act({ name: "compensate" });
  assertThrows(() => undoing.act({ name: "settle", outcome: "succeeded" }), refusal(/does not need attention yet/));
  undoing.wake();
  assertThrows(() => undoing.act({ name: "settle", outcome: "refused" }), refusal(/must succeed/));
  undoing.act({ name: "settle", outcome: "succeeded" });
  assertEquals(undoing.asked, ["seats.free-seat"]);
  undoing.wake();
  undoing.act({ name: "settle", outcome: "succeeded" });
  undoing.wake();
  undoing.act({ name: "settle", outcome: "succeeded" });
  assertEquals(undoing.state.progress.phase, "rejected");
  assertThrows(() => undoing.act({ name: "retry-step" }), refusal(/it is over: rejected/));
  const printing = stuck(4);
  assertThrows(() => printing.act({ name: "settle", outcome: "refused", data: {} }), refusal(/must succeed/));
});

Deno.test("Settling refuses data that the answer could not have, and a command that is not open", () => {
  const instance = stuck();
  assertThrows(() => instance.act({ name: "settle", outcome: "succeeded" }), refusal(/data of "money.money-taken"/));
  const line = { name: "settle", outcome: "succeeded", line: 3, data: { trip: name } };
  assertThrows(() => instance.act(line), refusal(/command 3 of "takeMoney" is not open/));
});

Deno.test("The same act under the same id counts once; another one under it is refused", () => {
  const instance = booked(1);
  const id = ids.next();
  instance.act({ name: "shift-timer", byMs: 1_000 }, id);
  const { deadlineMs } = instance.state;
  assertEquals([instance.act({ name: "shift-timer", byMs: 1_000 }, id), instance.state.deadlineMs], [[], deadlineMs]);
  assertThrows(() => instance.act({ name: "compensate" }, id), refusal(/was the id of another act/));
});

Deno.test("An act that is none, or concerns nothing that has started, is refused", () => {
  const malformed = { code: "contract.invalid" };
  assertThrows(() => booked(1).act({ name: "explode" }), malformed);
  assertThrows(() => booked(1).act({ name: "shift-timer", byMs: 0 }), malformed);
  assertThrows(() => new Instance().act({ name: "compensate" }), refusal(/it has not started/));
  const days = { name: "shift-timer", byMs: 30 * 24 * 60 * minuteMs };
  assertThrows(() => booked(1).act(days), refusal(/more than 30 days ahead/));
  const mute = sagaBehaviour({ service: "travel", event: SagaAdvanced, sagas: [bookTrip] });
  const { state } = booked(1);
  const request = { id: ids.next(), reason: "a test", act: { name: "compensate" } };
  const context = { ...testContext(), newId: ids.next };
  assertThrows(() => mute.operate!(state, request, context), refusal(/records no acts/));
});

Deno.test("An explanation names what is waited for and which acts are possible", () => {
  const { waits, acts, deadline } = stuck().explained;
  assertEquals(waits.map(({ step, command, attempt }) => [step, command, attempt]), [
    ["takeMoney", "money.take-money", 1],
  ]);
  assertEquals(deadline, null);
  const possible = Object.entries(acts).filter(([, why]) => why === null).map(([act]) => act);
  assertEquals(possible, ["resume", "retry-step", "settle"]);
  assertEquals(booked(1).explained.acts.settle, `"holdSeats" can be undone; compensate it`);
});
