/**
 * A saga with one of everything, for the tests of this package.
 *
 * @module
 */
import { z } from "zod";
import { defineCommand, defineEvent } from "@mesh/contract";
import { defineSaga } from "./define_saga.ts";
import { defineSagaEvent } from "./saga_event.ts";

const tripKey = ({ trip }: { trip: string }) => trip;
const Trip = { version: 1, schema: z.object({ trip: z.string() }), key: tripKey };
const Seat = {
  version: 1,
  schema: z.object({ trip: z.string(), seat: z.string() }),
  key: ({ seat }: { seat: string }) => seat,
};
const Money = { version: 1, schema: z.object({ trip: z.string(), amountMinor: z.int() }), key: tripKey };

export const TripBooked = defineEvent("desk.trip-booked", {
  version: 1,
  schema: z.object({ trip: z.string(), seats: z.array(z.string()), amountMinor: z.int() }),
  key: tripKey,
});
/** What starts the saga where its own host is asked to. */
export const BookTrip = defineCommand("travel.book-trip", {
  version: 1,
  schema: TripBooked.schema,
  key: tripKey,
});
export const StopRequested = defineEvent("desk.stop-requested", Trip);
export const RefuseStop = defineCommand("desk.refuse-stop", Trip);
export const StopRefused = defineEvent("desk.stop-refused", Trip);
export const ConfirmTrip = defineCommand("desk.confirm-trip", {
  version: 1,
  schema: z.object({ trip: z.string(), tickets: z.array(z.string()) }),
  key: tripKey,
});
export const TripConfirmed = defineEvent("desk.trip-confirmed", Trip);
export const RejectTrip = defineCommand("desk.reject-trip", {
  version: 1,
  schema: z.object({ trip: z.string(), why: z.string() }),
  key: tripKey,
});
export const TripRejected = defineEvent("desk.trip-rejected", Trip);

export const CheckCustomer = defineCommand("customers.check-customer", Trip);
export const CustomerChecked = defineEvent("customers.customer-checked", Trip);
export const CustomerRefused = defineEvent("customers.customer-refused", Trip);

export const HoldSeat = defineCommand("seats.hold-seat", Seat);
export const SeatHeld = defineEvent("seats.seat-held", {
  ...Seat,
  schema: Seat.schema.extend({ coach: z.int() }),
});
export const SeatRefused = defineEvent("seats.seat-refused", Seat);
export const FreeSeat = defineCommand("seats.free-seat", Seat);
export const SeatFreed = defineEvent("seats.seat-freed", Seat);

export const HoldMoney = defineCommand("money.hold-money", Money);
export const MoneyHeld = defineEvent("money.money-held", Trip);
export const MoneyRefused = defineEvent("money.money-refused", Trip);
export const FreeMoney = defineCommand("money.free-money", Trip);
export const MoneyFreed = defineEvent("money.money-freed", Trip);
export const TakeMoney = defineCommand("money.take-money", Money);
export const MoneyTaken = defineEvent("money.money-taken", Trip);
export const TakingRefused = defineEvent("money.taking-refused", Trip);

export const PrintTicket = defineCommand("printer.print-ticket", Seat);
export const TicketPrinted = defineEvent("printer.ticket-printed", {
  ...Seat,
  schema: Seat.schema.extend({ ticket: z.string() }),
});
export const PrinterJammed = defineEvent("printer.printer-jammed", Seat);

/** Checks, holds seats and money, takes the money, prints. */
export const bookTrip = defineSaga("book-trip", { version: 2, startedBy: TripBooked })
  .step("checkCustomer", {
    command: CheckCustomer,
    send: ({ trip }) => CheckCustomer({ trip }),
    succeedsOn: CustomerChecked,
    failsOn: CustomerRefused,
    compensate: "nothing to undo",
  })
  .step("holdSeats", {
    command: HoldSeat,
    send: ({ trip, seats }) => seats.map((seat) => HoldSeat({ trip, seat })),
    succeedsOn: SeatHeld,
    failsOn: SeatRefused,
    compensate: { command: FreeSeat, send: ({ trip, seat }) => FreeSeat({ trip, seat }), succeedsOn: SeatFreed },
  })
  .step("holdMoney", {
    command: HoldMoney,
    send: ({ trip, amountMinor }) => HoldMoney({ trip, amountMinor }),
    succeedsOn: MoneyHeld,
    failsOn: MoneyRefused,
    giveUpAfterMs: 60_000,
    compensate: { command: FreeMoney, send: ({ trip }) => FreeMoney({ trip }), succeedsOn: MoneyFreed },
  })
  .pivot("takeMoney", {
    command: TakeMoney,
    send: ({ trip, amountMinor }) => TakeMoney({ trip, amountMinor }),
    succeedsOn: MoneyTaken,
    failsOn: TakingRefused,
  })
  .mustSucceed("printTickets", {
    command: PrintTicket,
    send: ({ trip }, { holdSeats }) => holdSeats.map(({ seat }) => PrintTicket({ trip, seat })),
    succeedsOn: TicketPrinted,
    failsOn: PrinterJammed,
  })
  .cancelledBy(StopRequested, {
    command: RefuseStop,
    refuse: ({ trip }) => RefuseStop({ trip }),
    succeedsOn: StopRefused,
  })
  .ends({
    completed: {
      command: ConfirmTrip,
      send: ({ trip }, { printTickets }) => ConfirmTrip({ trip, tickets: printTickets.map(({ ticket }) => ticket) }),
      succeedsOn: TripConfirmed,
    },
    rejected: {
      command: RejectTrip,
      send: ({ trip }, { step, reason }) => RejectTrip({ trip, why: `${step} ${reason}` }),
      succeedsOn: TripRejected,
    },
  });

/** What a host of these sagas records. */
export const SagaAdvanced = defineSagaEvent("travel.saga-advanced");
