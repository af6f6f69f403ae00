import { ok } from "node:assert/strict";
import { checkSagaLaws } from "@mesh/testing";
import { bookTrip } from "./sample_saga_fixture.ts";

const samples = {
  start: (size: number) => ({ trip: "play", seats: ["1A", "1B", "1C"].slice(0, size), amountMinor: 900 }),
  answers: {
    "seats.seat-held": ({ trip, seat }: { trip: string; seat: string }) => ({ trip, seat, coach: 1 }),
    "printer.ticket-printed": ({ trip, seat }: { trip: string; seat: string }) => ({ trip, seat, ticket: `t ${seat}` }),
  },
};

Deno.test("A saga with one of everything keeps the laws of sagas under random schedules", () => {
  const counts = checkSagaLaws(bookTrip, samples, 2_000);
  for (const [outcome, count] of Object.entries(counts)) ok(count >= 20, `${outcome} came only ${count} times`);
});
