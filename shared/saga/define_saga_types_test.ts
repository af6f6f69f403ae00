import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { defineSaga, nothingToUndo } from "./mod.ts";
import * as trip from "./sample_saga_fixture.ts";

const start = defineSaga("x", { version: 1, startedBy: trip.TripBooked });
const seats = {
  command: trip.HoldSeat,
  succeedsOn: trip.SeatHeld,
  failsOn: trip.SeatRefused,
};
const freeing = { command: trip.FreeSeat, succeedsOn: trip.SeatFreed };
const seated = start.step("holdSeat", {
  ...seats,
  send: (booked) => trip.HoldSeat({ trip: booked.trip, seat: "1A" }),
  compensate: { ...freeing, send: ({ trip: name, seat }) => trip.FreeSeat({ trip: name, seat }) },
});
const takeMoney = {
  command: trip.TakeMoney,
  send: ({ trip: name }: { trip: string }) => trip.TakeMoney({ trip: name, amountMinor: 1 }),
  succeedsOn: trip.MoneyTaken,
  failsOn: trip.TakingRefused,
};
const printing = { command: trip.PrintTicket, succeedsOn: trip.TicketPrinted };
const ending = {
  completed: {
    command: trip.ConfirmTrip,
    send: () => trip.ConfirmTrip({ trip: "t", tickets: [] }),
    succeedsOn: trip.TripConfirmed,
  },
  rejected: {
    command: trip.RejectTrip,
    send: () => trip.RejectTrip({ trip: "t", why: "none" }),
    succeedsOn: trip.TripRejected,
  },
};

/** Never called: only the compiler reads it. An expectation that is not met is an error of its own. */
function refusedByTheCompiler(): void {
  start.step("holdSeat", {
    ...seats,
    // @ts-expect-error a later step's result is not known yet
    send: ({ trip: name }, { takeMoney }) => trip.HoldSeat({ trip: name, seat: takeMoney.seat }),
    compensate: nothingToUndo,
  });
  // @ts-expect-error the way back is forgotten
  start.step("holdSeat", { ...seats, send: ({ trip: name }) => trip.HoldSeat({ trip: name, seat: "1A" }) });
  // @ts-expect-error the refusal is forgotten
  start.step("holdSeat", {
    command: trip.HoldSeat,
    succeedsOn: trip.SeatHeld,
    send: ({ trip: name }) => trip.HoldSeat({ trip: name, seat: "1A" }),
    compensate: nothingToUndo,
  });
  start.step("holdSeat", {
    ...seats,
    send: ({ trip: name }) => trip.HoldSeat({ trip: name, seat: "1A" }),
    compensate: {
      ...freeing,
      // @ts-expect-error the step's own result may be missing: perhaps nobody answered
      send: ({ trip: name }, { result }) => trip.FreeSeat({ trip: name, seat: result.seat }),
    },
  });
  start.step("holdSeat", {
    ...seats,
    // @ts-expect-error another command than the one declared
    send: ({ trip: name }) => trip.CheckCustomer({ trip: name }),
    compensate: nothingToUndo,
  });
  start.step("holdSeat", {
    ...seats,
    send: ({ trip: name }) => trip.HoldSeat({ trip: name, seat: "1A" }),
    compensate: {
      ...freeing,
      // @ts-expect-error no such field in the command that is undone
      send: ({ coach }) => trip.FreeSeat({ trip: "t", seat: coach }),
    },
  });
  // @ts-expect-error several commands for the point of no return: some could be refused and some not
  seated.pivot("takeMoney", { ...takeMoney, send: () => [trip.TakeMoney({ trip: "t", amountMinor: 1 })] });
  const committed = seated.pivot("takeMoney", takeMoney);
  // @ts-expect-error no step that can fail may follow the point of no return
  committed.step;
  // @ts-expect-error there is one point of no return
  committed.pivot;
  // @ts-expect-error what must succeed has no way back
  seated.mustSucceed("print", { ...printing, send: () => trip.PrintTicket({ trip: "t", seat: "1A" }) }).step;
  committed.mustSucceed("print", {
    ...printing,
    // @ts-expect-error one command was sent, so there is one answer and no list
    send: ({ trip: name }, { holdSeat }) => holdSeat.map(({ seat }) => trip.PrintTicket({ trip: name, seat })),
  });
  committed.ends({
    ...ending,
    rejected: {
      ...ending.rejected,
      // @ts-expect-error no step has that name
      send: ({ trip: name }, { step }) => trip.RejectTrip({ trip: name, why: step === "fly" ? "flown" : "" }),
    },
  });
  // @ts-expect-error a saga is started by a message, not by a name
  defineSaga("x", { version: 1, startedBy: "desk.trip-booked" });
  defineSaga("x", { version: 1, startedBy: trip.HoldSeat }).step("check", {
    command: trip.CheckCustomer,
    // @ts-expect-error the command that starts it says no such thing
    send: ({ seats }) => trip.CheckCustomer({ trip: seats[0]! }),
    succeedsOn: trip.CustomerChecked,
    failsOn: trip.CustomerRefused,
    compensate: "nothing to undo",
  });
  // @ts-expect-error how it ends is forgotten
  committed.ends({ completed: ending.completed });
}

Deno.test("A saga's types carry each result to the later steps and to both ends", () => {
  const saga = seated
    .pivot("takeMoney", takeMoney)
    .mustSucceed("print", {
      ...printing,
      send: (_start, { holdSeat: { trip: name, seat, coach } }) => [
        trip.PrintTicket({ trip: name, seat: `${coach satisfies number}${seat satisfies string}` }),
      ],
    })
    .ends({
      completed: {
        ...ending.completed,
        send: ({ trip: name }, { print }) =>
          trip.ConfirmTrip({ trip: name, tickets: print.map(({ ticket }) => ticket satisfies string) }),
      },
      rejected: {
        ...ending.rejected,
        send: ({ trip: name }, { step }) =>
          trip.RejectTrip({ trip: name, why: step satisfies "holdSeat" | "takeMoney" | "print" }),
      },
    });
  assertEquals(saga.steps.map(({ name }) => name), ["holdSeat", "takeMoney", "print"]);
  assertEquals(typeof refusedByTheCompiler, "function");
});
