import { deepStrictEqual as assertEquals, throws as assertThrows } from "node:assert/strict";
import { defineSaga, describeSaga, lockComplaints, lockOf, sagaContracts, sagaStructure } from "./mod.ts";
import * as trip from "./sample_saga_fixture.ts";
import { bookTrip } from "./sample_saga_fixture.ts";

Deno.test("A saga's structure names its steps, order and contracts", () => {
  assertEquals(sagaStructure(bookTrip).steps.slice(1, 4), [
    {
      name: "holdSeats",
      kind: "step",
      command: "seats.hold-seat#1",
      succeedsOn: "seats.seat-held#1",
      failsOn: "seats.seat-refused#1",
      undo: { command: "seats.free-seat#1", succeedsOn: "seats.seat-freed#1" },
    },
    {
      name: "holdMoney",
      kind: "step",
      command: "money.hold-money#1",
      succeedsOn: "money.money-held#1",
      failsOn: "money.money-refused#1",
      giveUpAfterMs: 60_000,
      undo: { command: "money.free-money#1", succeedsOn: "money.money-freed#1" },
    },
    {
      name: "takeMoney",
      kind: "pivot",
      command: "money.take-money#1",
      succeedsOn: "money.money-taken#1",
      failsOn: "money.taking-refused#1",
    },
  ]);
});

Deno.test("The lock accepts what it locked, in whatever order its members stand", () => {
  const { startedBy, ...others } = sagaStructure(bookTrip);
  assertEquals(lockComplaints(lockOf([bookTrip]), [bookTrip]), []);
  assertEquals(lockComplaints({ "book-trip#2": { ...others, startedBy } }, [bookTrip]), []);
});

Deno.test("The lock refuses a change of a version, a version that is not locked, and one that is gone", () => {
  const lock = lockOf([bookTrip]);
  const reordered = { ...bookTrip, steps: bookTrip.steps.toReversed() };
  assertEquals(lockComplaints(lock, [reordered]), [
    '"book-trip#2" differs from the lock file: give the change a new version and keep the old file',
  ]);
  assertEquals(lockComplaints(lock, [bookTrip, { ...reordered, version: 3 }]), [
    '"book-trip#3" is not in the lock file: add it',
  ]);
  assertEquals(lockComplaints(lock, []), [
    '"book-trip#2" is locked but no longer defined: running instances need it',
  ]);
});

Deno.test("sagaContracts lists each command once, also those that only undo, end or refuse", () => {
  assertEquals(sagaContracts([bookTrip, { ...bookTrip, version: 3 }]).sends.map(({ type }) => type), [
    "customers.check-customer",
    "seats.hold-seat",
    "seats.free-seat",
    "money.hold-money",
    "money.free-money",
    "money.take-money",
    "printer.print-ticket",
    "desk.confirm-trip",
    "desk.reject-trip",
    "desk.refuse-stop",
  ]);
});

Deno.test("defineSaga refuses what the compiler cannot see", () => {
  const ends = {
    completed: {
      command: trip.ConfirmTrip,
      send: () => trip.ConfirmTrip({ trip: "t", tickets: [] }),
      succeedsOn: trip.TripConfirmed,
    },
    rejected: {
      command: trip.RejectTrip,
      send: () => trip.RejectTrip({ trip: "t", why: "" }),
      succeedsOn: trip.TripRejected,
    },
  };
  const draft = (name = "x", version = 1) => defineSaga(name, { version, startedBy: trip.TripBooked });
  const check = {
    command: trip.CheckCustomer,
    send: () => trip.CheckCustomer({ trip: "t" }),
    succeedsOn: trip.CustomerChecked,
    failsOn: trip.CustomerRefused,
    compensate: "nothing to undo" as const,
  };
  const undone = {
    command: trip.FreeSeat,
    send: () => trip.FreeSeat({ trip: "t", seat: "" }),
    succeedsOn: trip.SeatFreed,
  };
  const refusals: readonly [RegExp, () => unknown][] = [
    [/kebab-case/, () => draft("Book Trip").step("check", check).ends(ends)],
    [/positive integer/, () => draft("x", 0).step("check", check).ends(ends)],
    [/no step/, () => draft().ends(ends)],
    [/"check" is taken/, () => draft().step("check", check).step("check", check).ends(ends)],
    [/"rejected" is taken/, () => draft().step("rejected", check).ends(ends)],
    [/not camelCase/, () => draft().step("Check", check).ends(ends)],
    [/no time at all/, () => draft().step("check", { ...check, giveUpAfterMs: 0 }).ends(ends)],
    [/another service handles/, () => draft().step("check", { ...check, compensate: undone }).ends(ends)],
    [/the same event/, () => draft().step("check", { ...check, failsOn: trip.CustomerChecked }).ends(ends)],
    [/both an answer/, () => draft().step("check", { ...check, failsOn: trip.TripBooked }).ends(ends)],
  ];
  for (const [message, define] of refusals) assertThrows(define, { code: "contract.invalid", message });
});

Deno.test("describeSaga draws the way forward, the way back and both ends", () => {
  assertEquals(
    describeSaga(bookTrip),
    `%% book-trip, version 2
stateDiagram-v2
  checkCustomer : checkCustomer<br/>customers.check-customer
  holdSeats : holdSeats<br/>seats.hold-seat
  holdMoney : holdMoney<br/>money.hold-money
  takeMoney : takeMoney (pivot)<br/>money.take-money
  printTickets : printTickets (must succeed)<br/>printer.print-ticket
  undoHoldSeats : undo holdSeats<br/>seats.free-seat
  undoHoldMoney : undo holdMoney<br/>money.free-money
  completing : desk.confirm-trip
  rejecting : desk.reject-trip
  [*] --> checkCustomer : trip-booked
  checkCustomer --> holdSeats : customer-checked
  checkCustomer --> rejecting : customer-refused
  checkCustomer --> rejecting : silence or cancellation
  holdSeats --> holdMoney : seat-held
  holdSeats --> rejecting : seat-refused
  holdSeats --> undoHoldSeats : silence or cancellation
  holdMoney --> takeMoney : money-held
  holdMoney --> undoHoldSeats : money-refused
  holdMoney --> undoHoldMoney : silence or cancellation
  takeMoney --> printTickets : money-taken
  takeMoney --> undoHoldMoney : taking-refused
  printTickets --> completing : ticket-printed
  printTickets --> printTickets : printer-jammed, again later
  undoHoldMoney --> undoHoldSeats : money-freed
  undoHoldSeats --> rejecting : seat-freed
  completing --> [*] : trip-confirmed
  rejecting --> [*] : trip-rejected
`,
  );
});
