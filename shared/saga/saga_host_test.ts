import { deepStrictEqual as assertEquals, throws as assertThrows } from "node:assert/strict";
import type { Outgoing } from "@mesh/actor";
import { sequentialIds } from "@mesh/base";
import { answering, type AnyCommand, type AnyEvent, type AnyMessage } from "@mesh/contract";
import { received, testContext, testStart } from "@mesh/testing";
import {
  defineSaga,
  initialSagaState,
  type Saga,
  sagaBehaviour,
  sagaContracts,
  type SagaState,
  sagaView,
} from "./mod.ts";
import * as trip from "./sample_saga_fixture.ts";
import { BookTrip, bookTrip, SagaAdvanced } from "./sample_saga_fixture.ts";

const booked = trip.TripBooked({ trip: "t1", seats: ["1A"], amountMinor: 900 });
const checked = trip.CustomerChecked({ trip: "t1" });
const flow = { correlation: "flow-1" };

const quick = (version: number): Saga =>
  defineSaga("book-trip", { version, startedBy: trip.TripBooked })
    .pivot("takeMoney", {
      command: trip.TakeMoney,
      send: ({ trip: name, amountMinor }) => trip.TakeMoney({ trip: name, amountMinor }),
      succeedsOn: trip.MoneyTaken,
      failsOn: trip.TakingRefused,
    })
    .ends({
      completed: {
        command: trip.ConfirmTrip,
        send: ({ trip: name }) => trip.ConfirmTrip({ trip: name, tickets: [] }),
        succeedsOn: trip.TripConfirmed,
      },
      rejected: {
        command: trip.RejectTrip,
        send: ({ trip: name }) => trip.RejectTrip({ trip: name, why: "refused" }),
        succeedsOn: trip.TripRejected,
      },
    });

const hostOf = (...sagas: readonly Saga[]) => sagaBehaviour({ service: "travel", event: SagaAdvanced, sagas });
const host = hostOf(bookTrip);
const ids = sequentialIds();
const context = { ...testContext(), newId: ids.next };
const empty = initialSagaState("book-trip", "flow-1");

/** Decides and folds, as the runtime does; what was recorded goes through JSON. */
function turn(state: SagaState, message: AnyMessage, through = host): { state: SagaState; out: readonly Outgoing[] } {
  const out = through.decide(state, received(message, flow), context);
  const events = out.filter((one) => one.kind === "event") as AnyEvent[];
  const folded = events.reduce(
    (before, event) => through.evolve(before, JSON.parse(JSON.stringify(event))),
    state,
  );
  return { state: folded, out };
}

function commandsOf(out: readonly Outgoing[]): readonly (AnyCommand & { readonly id: string })[] {
  return out.filter((one) => one.kind === "command") as (AnyCommand & { readonly id: string })[];
}

Deno.test("A saga host keys instances by saga and correlation", () => {
  assertEquals(host.keyOf(received(booked, flow)), "book-trip/flow-1");
  assertEquals(host.initialState("book-trip/flow/1"), initialSagaState("book-trip", "flow/1"));
  assertEquals(host.keyOf(received(trip.HoldSeat({ trip: "t1", seat: "1A" }), flow)), undefined);
});

Deno.test("A saga host hears what starts, answers and stops its sagas, each once", () => {
  assertEquals(host.accepts.map(({ type }) => type).sort(), [
    "customers.customer-checked",
    "customers.customer-refused",
    "desk.stop-refused",
    "desk.stop-requested",
    "desk.trip-booked",
    "desk.trip-confirmed",
    "desk.trip-rejected",
    "money.money-freed",
    "money.money-held",
    "money.money-refused",
    "money.money-taken",
    "money.taking-refused",
    "printer.printer-jammed",
    "printer.ticket-printed",
    "seats.seat-freed",
    "seats.seat-held",
    "seats.seat-refused",
  ]);
});

Deno.test("A turn records one event and sends its commands under the ids that the event names", () => {
  const { out } = turn(empty, booked);
  const [event, command] = out as [ReturnType<typeof SagaAdvanced>, AnyCommand & { id: string }];
  assertEquals(out.length, 2);
  assertEquals(event.key, "book-trip/flow-1");
  assertEquals(event.data.asked, [
    { id: command.id, type: "customers.check-customer", step: "checkCustomer", line: 0, attempt: 1, direction: "do" },
  ]);
  const { phase, step, deadlineMs, needsAttention } = event.data;
  assertEquals({ phase, step, deadlineMs, needsAttention }, {
    phase: "running",
    step: "checkCustomer",
    deadlineMs: testStart.getTime() + 600_000,
    needsAttention: false,
  });
});

Deno.test("A host's fold of what it has just decided is the fold of what is read back", () => {
  let state = empty;
  for (const message of [booked, answering(["nobody's"], checked), trip.StopRequested({ trip: "t1" })]) {
    for (const event of host.decide(state, received(message, flow), context)) {
      if (event.kind !== "event") continue;
      const folded = host.evolve(state, event);
      assertEquals(JSON.stringify(folded), JSON.stringify(host.evolve(state, JSON.parse(JSON.stringify(event)))));
      // Not from where it was decided: the record says where it leads.
      assertEquals(host.evolve({ ...state }, event), folded);
      state = folded;
    }
  }
  assertEquals(state.progress.phase, "rejecting");
});

Deno.test("A message that changes nothing records nothing", () => {
  const { state } = turn(empty, booked);
  assertEquals(turn(state, booked).out, []);
  assertEquals(turn(state, checked).out, []);
  assertEquals(turn(empty, checked).out, []);
});

Deno.test("A saga host acts on its deadline, also where its clock lags behind the one that fired the timer", () => {
  const { state } = turn(empty, booked);
  const dueAtMs = host.dueAtMs(state)!;
  const fired = (nowMs: number) => {
    const [event, ...commands] = host.decideTimer(state, { ...context, now: new Date(nowMs) });
    return [(event as AnyEvent).data.atMs, ...commandsOf(commands).map(({ type }) => type)];
  };
  assertEquals(fired(dueAtMs + 5), [dueAtMs + 5, "desk.reject-trip"]);
  assertEquals(fired(dueAtMs - 5), [dueAtMs, "desk.reject-trip"]);
});

Deno.test("An instance that only a message can move has no deadline", () => {
  assertEquals(host.dueAtMs(empty), undefined);
  assertEquals(host.decideTimer(empty, context), []);
});

Deno.test("A new instance takes the newest version, a running one keeps its own", () => {
  const both = hostOf(quick(3), bookTrip);
  const old = turn(empty, booked);
  const answer = answering([commandsOf(old.out)[0]!.id], checked);
  const fresh = turn(empty, booked, both);
  assertEquals(commandsOf(turn(old.state, answer, both).out).map(({ type }) => type), ["seats.hold-seat"]);
  assertEquals(commandsOf(fresh.out).map(({ type }) => type), ["money.take-money"]);
  assertEquals([old.state.version, fresh.state.version], [2, 3]);
});

Deno.test("A saga host refuses to run a version that it lacks, and says which are missing", () => {
  const { state, out } = turn(empty, booked);
  const newer = hostOf(quick(3));
  assertThrows(() => newer.decide(state, received(checked, flow), context), { code: "defect" });
  assertThrows(() => newer.evolve(empty, out[0] as AnyEvent), { code: "defect" });
  const named = [{ saga: "book-trip", version: 2 }, { saga: "book-trip", version: 3 }, {
    saga: "book-trip",
    version: 2,
  }];
  assertEquals(newer.unknownVersions(named), [{ saga: "book-trip", version: 2 }]);
  assertEquals(hostOf(bookTrip, quick(3)).unknownVersions(named), []);
});

Deno.test("A request to stop that came before the start survives a newer version", () => {
  const early = turn(empty, trip.StopRequested({ trip: "t1" }));
  const newer = hostOf({ ...bookTrip, version: 3 });
  const folded = newer.evolve(empty, early.out[0] as AnyEvent);
  assertEquals(early.state.version, null);
  assertEquals(commandsOf(turn(folded, booked, newer).out).map(({ type }) => type), ["desk.reject-trip"]);
});

Deno.test("An instance keeps the limits that it was started with", () => {
  const short = sagaBehaviour({
    service: "travel",
    event: SagaAdvanced,
    sagas: [bookTrip],
    limits: { giveUpAfterMs: 50 },
  });
  const started = turn(empty, booked, short);
  const later = host.evolve(empty, started.out[0] as AnyEvent);
  assertEquals(later.deadlineMs, testStart.getTime() + 50);
  assertEquals(later, started.state);
});

Deno.test("A definition that no longer asks what its history says is a defect", () => {
  const { out } = turn(empty, booked);
  const changed = hostOf({ ...bookTrip, steps: bookTrip.steps.slice(1) });
  assertThrows(() => changed.evolve(empty, out[0] as AnyEvent), { code: "defect", message: /^Cannot replay saga/ });
});

Deno.test("A saga host refuses sagas that it could not tell apart, and limits that are none", () => {
  assertThrows(() => hostOf(bookTrip, bookTrip), { code: "contract.invalid", message: /is there twice/ });
  assertThrows(() => hostOf(bookTrip, { ...quick(1), name: "other" }), { code: "contract.invalid", message: /both/ });
  const options = { event: SagaAdvanced, sagas: [bookTrip] };
  assertThrows(() => sagaBehaviour({ ...options, service: "desk" }), { code: "contract.invalid" });
  assertThrows(() => sagaBehaviour({ ...options, service: "travel", limits: { giveUpAfterMs: 0 } }), {
    code: "config.invalid",
  });
});

const ordered = BookTrip({ trip: "flow-1", seats: ["1A"], amountMinor: 900 });

Deno.test("A command of the host starts an instance, once; a second one is a conflict", () => {
  const commanded = hostOf({ ...bookTrip, startedBy: BookTrip });
  const { state, out } = turn(empty, ordered, commanded);
  assertEquals(commanded.keyOf(received(ordered, flow)), "book-trip/flow-1");
  assertEquals(out.map(({ kind }) => kind), ["event", "command"]);
  assertEquals([state.version, state.progress.phase], [2, "running"]);
  assertThrows(() => turn(state, ordered, commanded), { code: "store.conflict", message: /has started before$/ });
  const other = BookTrip({ ...ordered.data, trip: "t2" });
  assertThrows(() => turn(empty, other, commanded), { code: "contract.invalid", message: /is not its correlation/ });
});

Deno.test("A command starts an instance that was asked to stop before it, and that is told", () => {
  const commanded = hostOf({ ...bookTrip, startedBy: BookTrip });
  const early = turn(empty, trip.StopRequested({ trip: "flow-1" }), commanded);
  assertEquals(commandsOf(turn(early.state, ordered, commanded).out).map(({ type }) => type), ["desk.reject-trip"]);
});

Deno.test("A saga host says which commands start its sagas, and refuses those of another service", () => {
  const commanded = { ...bookTrip, startedBy: BookTrip };
  const { accepts, subscribes } = sagaContracts([commanded]);
  assertEquals(accepts, [BookTrip]);
  assertEquals(subscribes, sagaContracts([bookTrip]).subscribes.filter((event) => event !== trip.TripBooked));
  assertEquals(sagaContracts([bookTrip]).accepts, []);
  assertThrows(() => hostOf({ ...bookTrip, startedBy: trip.HoldSeat }), {
    code: "contract.invalid",
    message: /"seats.hold-seat" is handled by "seats"$/,
  });
});

Deno.test("sagaView says what an operator wants to know", () => {
  const { state, out } = turn(empty, booked);
  assertEquals(sagaView(state), {
    saga: "book-trip",
    correlation: "flow-1",
    version: 2,
    phase: "running",
    isTerminal: false,
    step: "checkCustomer",
    needsAttention: false,
    waitingFor: [{ step: "checkCustomer", line: 0, direction: "do", id: commandsOf(out)[0]!.id }],
    deadlineMs: testStart.getTime() + 600_000,
    failure: null,
  });
});
