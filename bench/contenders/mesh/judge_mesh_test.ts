import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { eventsPerSaga, faultsOfMesh, type ServiceBook } from "./judge_mesh.ts";

const sagas = 3;
const book: ServiceBook = {
  service: "all",
  events: Object.fromEntries(Object.entries(eventsPerSaga).map(([type, count]) => [type, count * sagas])),
  completed: sagas,
  outbox: 0,
  deadLetters: 0,
};

Deno.test("books that hold each saga's events once are without fault", () => {
  assertEquals(faultsOfMesh([book], sagas), []);
});

Deno.test("a saga that is missing, done twice or undone is found", () => {
  const wrong = {
    ...book,
    events: { ...book.events, "payment.captured": 4, "payment.voided": 1, "shipping.shipped": 2 },
    completed: 2,
  };
  assertEquals(faultsOfMesh([wrong], sagas), [
    "4 times payment.captured after 3 sagas",
    "2 times shipping.shipped after 3 sagas",
    "1 times payment.voided after 3 sagas",
    "2 of 3 sagas are completed",
  ]);
});

Deno.test("what is left behind is told with the name of its service", () => {
  const rest: ServiceBook = { service: "payment", events: {}, completed: 0, outbox: 2, deadLetters: 1 };
  assertEquals(faultsOfMesh([book, rest], sagas), [
    "2 envelopes are left in the outbox of payment",
    "1 dead letters of payment",
  ]);
});
