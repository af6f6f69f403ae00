import { ok } from "node:assert/strict";
import { checkSagaLaws } from "@mesh/testing";
import { BookTrip, bookTrip } from "./sample_saga_fixture.ts";

const samples = {
  start: (size: number) => ({ trip: "play", seats: ["1A", "1B", "1C"].slice(0, size), amountMinor: 900 }),
  answers: {
    "seats.seat-held": ({ trip, seat }: { trip: string; seat: string }) => ({ trip, seat, coach: 1 }),
    "printer.ticket-printed": ({ trip, seat }: { trip: string; seat: string }) => ({ trip, seat, ticket: `t ${seat}` }),
  },
};

for (const [starter, saga] of [["event", bookTrip], ["command", { ...bookTrip, startedBy: BookTrip }]] as const) {
  Deno.test(`A saga with one of everything keeps its laws under random schedules, started by ${starter}`, () => {
    const counts = checkSagaLaws(saga, samples, 2_000);
    for (const [outcome, count] of Object.entries(counts)) ok(count >= 20, `${outcome} came only ${count} times`);
  });
}
