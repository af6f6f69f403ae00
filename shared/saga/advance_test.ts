import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { answering, type AnyEvent } from "@mesh/contract";
import { answerTo, deadlinePassed, given, testStart } from "@mesh/testing";
import { advance, pinLimits } from "./mod.ts";
import * as trip from "./sample_saga_fixture.ts";
import { bookTrip } from "./sample_saga_fixture.ts";

const t = { trip: "t1" };
const booked = trip.TripBooked({ ...t, seats: ["1A", "1B"], amountMinor: 900 });
const checked = trip.CustomerChecked(t);
const held = (seat: string, coach = 7) => trip.SeatHeld({ ...t, seat, coach });
const seatRefused = (seat: string) => trip.SeatRefused({ ...t, seat });
const freed = (seat: string) => trip.SeatFreed({ ...t, seat });
const moneyHeld = trip.MoneyHeld(t);
const moneyTaken = trip.MoneyTaken(t);
const printed = (seat: string) => trip.TicketPrinted({ ...t, seat, ticket: `ticket ${seat}` });
const jammed = (seat: string) => trip.PrinterJammed({ ...t, seat });
const stop = trip.StopRequested(t);

const untilSeats = [booked, checked];
const untilMoney = [...untilSeats, held("1A"), held("1B")];
const untilPivot = [...untilMoney, moneyHeld];
const untilPrint = [...untilPivot, moneyTaken];
const untilEnd = [...untilPrint, printed("1A"), printed("1B")];

const takeMoney = trip.TakeMoney({ ...t, amountMinor: 900 });
const free = (seat: string) => trip.FreeSeat({ ...t, seat });
const reject = (why: string) => trip.RejectTrip({ ...t, why });

Deno.test("A saga starts with its first step", () => {
  assertEquals(given(bookTrip, []).when(booked), [trip.CheckCustomer(t)]);
});

Deno.test("A saga starts once, however often its starting event comes", () => {
  assertEquals(given(bookTrip, [booked]).when(booked), []);
});

Deno.test("A step may send several commands at once", () => {
  assertEquals(given(bookTrip, [booked]).when(checked), [
    trip.HoldSeat({ ...t, seat: "1A" }),
    trip.HoldSeat({ ...t, seat: "1B" }),
  ]);
});

Deno.test("A step of several commands waits for all its answers, in any order", () => {
  assertEquals(given(bookTrip, untilSeats).when(held("1B")), []);
  assertEquals(given(bookTrip, [...untilSeats, held("1B")]).when(held("1A")), [
    trip.HoldMoney({ ...t, amountMinor: 900 }),
  ]);
});

Deno.test("A step that has nothing to ask is passed", () => {
  const standing = trip.TripBooked({ ...t, seats: [], amountMinor: 900 });
  assertEquals(given(bookTrip, [standing]).when(checked), [trip.HoldMoney({ ...t, amountMinor: 900 })]);
  assertEquals(given(bookTrip, [standing, checked, moneyHeld]).when(moneyTaken), [
    trip.ConfirmTrip({ ...t, tickets: [] }),
  ]);
});

Deno.test("Results of several commands come in the order sent, not in the order answered", () => {
  const given1B1A = [...untilPrint, printed("1B")];
  assertEquals(given(bookTrip, given1B1A).when(printed("1A")), [
    trip.ConfirmTrip({ ...t, tickets: ["ticket 1A", "ticket 1B"] }),
  ]);
});

Deno.test("A refused first step has nothing to undo", () => {
  assertEquals(given(bookTrip, [booked]).when(trip.CustomerRefused(t)), [reject("checkCustomer refused")]);
});

Deno.test("A refusal turns back at once and undoes the lines that are held or not yet answered, not the refused one", () => {
  const three = [trip.TripBooked({ ...t, seats: ["1A", "1B", "1C"], amountMinor: 1 }), checked, held("1A")];
  assertEquals(given(bookTrip, three).when(seatRefused("1B")), [free("1A"), free("1C")]);
});

Deno.test("A saga turns back last step first, and tells the failure when everything is undone", () => {
  const refused = [...untilPivot, trip.TakingRefused(t)];
  assertEquals(given(bookTrip, untilPivot).when(trip.TakingRefused(t)), [trip.FreeMoney(t)]);
  assertEquals(given(bookTrip, refused).when(trip.MoneyFreed(t)), [free("1A"), free("1B")]);
  assertEquals(given(bookTrip, [...refused, trip.MoneyFreed(t)]).when(freed("1B")), []);
  assertEquals(given(bookTrip, [...refused, trip.MoneyFreed(t), freed("1B")]).when(freed("1A")), [
    reject("takeMoney refused"),
  ]);
});

Deno.test("A refusal that leaves nothing to undo in its own step turns to the step before", () => {
  assertEquals(given(bookTrip, untilMoney).when(trip.MoneyRefused(t)), [free("1A"), free("1B")]);
});

Deno.test("A step that nobody answers is unknown and undone as well", () => {
  assertEquals(given(bookTrip, untilMoney).when(deadlinePassed()), [trip.FreeMoney(t)]);
  assertEquals(given(bookTrip, [...untilSeats, held("1A")]).when(deadlinePassed()), [free("1A"), free("1B")]);
  assertEquals(given(bookTrip, [booked]).when(deadlinePassed()), [reject("checkCustomer unknown")]);
});

Deno.test("A step waits for the limit of the host, else its own, else ten minutes", () => {
  const startMs = testStart.getTime();
  assertEquals(given(bookTrip, untilSeats).deadlineMs, startMs + 600_000);
  assertEquals(given(bookTrip, untilMoney).deadlineMs, startMs + 60_000);
  assertEquals(given(bookTrip, untilMoney, { giveUpAfterMs: 500 }).deadlineMs, startMs + 500);
});

Deno.test("Only the commands of steps that can be undone expire, when the saga gives them up", () => {
  const expiry = (history: readonly AnyEvent[], next: AnyEvent) =>
    given(bookTrip, history).turn(next).commands.map(({ expiresAtMs }) => expiresAtMs);
  const startMs = testStart.getTime();
  assertEquals(expiry([booked, checked, held("1A")], held("1B")), [startMs + 60_000]);
  assertEquals(expiry(untilMoney, moneyHeld), [undefined]);
  assertEquals(expiry(untilPivot, moneyTaken), [undefined, undefined]);
  assertEquals(expiry(untilPivot, trip.TakingRefused(t)), [undefined]);
});

Deno.test("An undo names the command that it undoes", () => {
  const asked = given(bookTrip, [booked]).turn(checked).commands;
  const undos = given(bookTrip, untilSeats).turn(seatRefused("1A")).commands;
  assertEquals(undos.map(({ undoes }) => undoes), [[asked[1]!.id]]);
});

Deno.test("The point of no return comes after all that can be undone", () => {
  assertEquals(given(bookTrip, untilMoney).when(moneyHeld), [takeMoney]);
});

Deno.test("The point of no return is asked about without end, never undone, and needs attention after a while", () => {
  const saga = given(bookTrip, untilPivot);
  const { commands, progress, deadlineMs } = saga.turn(deadlinePassed());
  assertEquals(saga.deadlineMs, testStart.getTime() + 900_000);
  assertEquals(commands, []);
  assertEquals(progress.needsAttention, true);
  assertEquals(deadlineMs, null);
});

Deno.test("Attention ends with the step that needed it", () => {
  assertEquals(given(bookTrip, [...untilPivot, deadlinePassed(), moneyTaken]).progress.needsAttention, false);
});

Deno.test("A refusal of what must succeed means a new attempt with a new id, after a delay that doubles", () => {
  const startMs = testStart.getTime();
  const first = given(bookTrip, [...untilPrint, printed("1A"), jammed("1B")]);
  assertEquals(first.waitingFor, []);
  assertEquals(first.deadlineMs, startMs + 1_000);
  assertEquals(first.when(deadlinePassed()), [trip.PrintTicket({ ...t, seat: "1B" })]);
  const { asked } = first.turn(deadlinePassed());
  assertEquals(asked.map(({ line, attempt, direction }) => ({ line, attempt, direction })), [
    { line: 1, attempt: 2, direction: "do" },
  ]);
  const second = given(bookTrip, [...untilPrint, printed("1A"), jammed("1B"), deadlinePassed(), jammed("1B")]);
  assertEquals(second.deadlineMs, startMs + 1_000 + 2_000);
});

Deno.test("The delay between attempts ends at ten minutes, and attention does not stop the attempts", () => {
  const startMs = testStart.getTime();
  const nineAttempts = Array.from({ length: 9 }, () => [jammed("1A"), deadlinePassed()]).flat();
  const tenth = [...untilPrint, printed("1B"), ...nineAttempts, jammed("1A")];
  assertEquals(given(bookTrip, tenth).when(deadlinePassed()), []);
  assertEquals(given(bookTrip, [...tenth, deadlinePassed()]).progress.needsAttention, true);
  assertEquals(given(bookTrip, [...tenth, deadlinePassed()]).when(deadlinePassed()), [
    trip.PrintTicket({ ...t, seat: "1A" }),
  ]);
  const eleventh = given(bookTrip, [...tenth, deadlinePassed(), deadlinePassed(), jammed("1A")]);
  assertEquals(eleventh.deadlineMs! - startMs, (2 ** 10 - 1) * 1_000 + 600_000);
});

Deno.test("A late answer to a refused attempt changes nothing once the next attempt is out", () => {
  const attempt = given(bookTrip, untilPivot).turn(moneyTaken).commands[0]!;
  const again = given(bookTrip, [...untilPrint, jammed("1A"), deadlinePassed()]);
  const turn = again.turn(answerTo(attempt, printed("1A")));
  assertEquals(turn.progress, again.progress);
  assertEquals(turn.commands, []);
});

Deno.test("A saga is terminal only when its end has been answered", () => {
  const ending = given(bookTrip, untilEnd);
  assertEquals(ending.progress.phase, "completing");
  assertEquals(ending.deadlineMs, testStart.getTime() + 900_000);
  assertEquals(given(bookTrip, [...untilEnd, trip.TripConfirmed(t)]).progress.phase, "completed");
  const rejecting = [booked, trip.CustomerRefused(t)];
  assertEquals(given(bookTrip, rejecting).progress.phase, "rejecting");
  assertEquals(given(bookTrip, [...rejecting, trip.TripRejected(t)]).progress.phase, "rejected");
});

Deno.test("An answer counts only for the command that it names, whatever its type says", () => {
  const saga = given(bookTrip, untilMoney);
  const foreign = answering(["019b76da-a800-7000-8000-00000000ffff"], moneyHeld);
  assertEquals(saga.turn(foreign).progress, saga.progress);
  assertEquals(saga.turn(answering([], moneyHeld)).progress, saga.progress);
  const ending = given(bookTrip, untilEnd);
  const foreignEnd = answering(["019b76da-a800-7000-8000-00000000ffff"], trip.TripConfirmed(t));
  assertEquals(ending.turn(foreignEnd).progress, ending.progress);
});

Deno.test("An answer of a type that says neither success nor failure of its command is ignored", () => {
  const [command] = given(bookTrip, [booked]).turn(checked).commands;
  const saga = given(bookTrip, untilSeats);
  assertEquals(saga.turn(answerTo(command!, moneyHeld)).progress, saga.progress);
});

Deno.test("An answer that comes twice changes nothing, nor does a contradiction of it", () => {
  const [command] = given(bookTrip, [booked]).turn(checked).commands;
  const saga = given(bookTrip, [...untilSeats, held("1A")]);
  assertEquals(saga.turn(answerTo(command!, held("1A", 9))).progress, saga.progress);
  assertEquals(saga.turn(answerTo(command!, seatRefused("1A"))).progress, saga.progress);
});

Deno.test("An answer that comes after its command was given up changes nothing", () => {
  const [command] = given(bookTrip, [...untilSeats, held("1A")]).turn(held("1B")).commands;
  const saga = given(bookTrip, [...untilMoney, deadlinePassed()]);
  assertEquals(saga.turn(answerTo(command!, moneyHeld)).progress, saga.progress);
  assertEquals(saga.turn(answerTo(command!, trip.MoneyRefused(t))).progress, saga.progress);
});

Deno.test("One event may answer several commands", () => {
  const commands = given(bookTrip, [booked]).turn(checked).commands;
  const both = answering(commands.map(({ id }) => id), held("1A"));
  assertEquals(given(bookTrip, untilSeats).when(both), [trip.HoldMoney({ ...t, amountMinor: 900 })]);
});

Deno.test("A deadline that has not come yet changes nothing", () => {
  const { progress, deadlineMs } = given(bookTrip, untilMoney);
  const at = (nowMs: number) =>
    advance(bookTrip, progress, { input: { kind: "deadline" }, nowMs, newId: () => "id", limits: pinLimits() })
      .progress;
  assertEquals(at(deadlineMs! - 1) === progress, true);
  assertEquals(at(deadlineMs!).phase, "turning-back");
});

Deno.test("A request to stop makes the current step unknown and turns the saga back", () => {
  assertEquals(given(bookTrip, untilMoney).when(stop), [trip.FreeMoney(t)]);
  assertEquals(given(bookTrip, [...untilSeats, held("1A")]).when(stop), [free("1A"), free("1B")]);
  assertEquals(given(bookTrip, [booked]).when(stop), [reject("checkCustomer cancelled")]);
});

Deno.test("A request to stop that comes before the start is remembered", () => {
  const early = given(bookTrip, [stop]);
  assertEquals(early.progress.phase, "not-started");
  assertEquals(early.deadlineMs, null);
  assertEquals(early.turn(stop).progress, early.progress);
  assertEquals(early.when(booked), [reject("checkCustomer cancelled")]);
});

Deno.test("A request to stop waits while the answer of the pivot is open", () => {
  assertEquals(given(bookTrip, untilPivot).when(stop), []);
  assertEquals(given(bookTrip, [...untilPivot, stop]).when(moneyTaken), [
    trip.PrintTicket({ ...t, seat: "1A" }),
    trip.PrintTicket({ ...t, seat: "1B" }),
    trip.RefuseStop(t),
  ]);
  assertEquals(given(bookTrip, [...untilPivot, stop]).when(trip.TakingRefused(t)), [trip.FreeMoney(t)]);
});

Deno.test("A request to stop is refused after the pivot, also after the end", () => {
  for (const history of [untilPrint, untilEnd, [...untilEnd, trip.TripConfirmed(t)]]) {
    assertEquals(given(bookTrip, history).when(stop), [trip.RefuseStop(t)]);
  }
});

Deno.test("A request to stop changes nothing while the saga turns back or once it is rejected", () => {
  const refused = [booked, trip.CustomerRefused(t)];
  for (const history of [[...untilMoney, trip.MoneyRefused(t)], refused, [...refused, trip.TripRejected(t)]]) {
    const saga = given(bookTrip, history);
    assertEquals(saga.turn(stop).progress, saga.progress);
    assertEquals(saga.when(stop), []);
  }
});
