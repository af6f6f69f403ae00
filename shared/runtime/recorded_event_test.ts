import { deepStrictEqual as assertEquals, throws as assertThrows } from "node:assert/strict";
import { sequentialIds } from "@mesh/base";
import { eventClaims, generateSigningKey, signEnvelope } from "@mesh/envelope";
import { recordedEventReader } from "./recorded_event.ts";
import { Counted } from "./test_world.ts";

const { key } = generateSigningKey("counter");
const ids = sequentialIds();
const signed = (id: string, by?: { readonly subject: string; readonly via: string }) =>
  signEnvelope(
    eventClaims({
      message: Counted({ id, total: 3 }),
      id: ids.next(),
      service: "counter",
      correlation: "flow",
      causation: null,
      ...(by === undefined ? {} : { cause: by }),
      nowMs: 5_000,
      n: 3,
      prv: "h".repeat(43),
      re: [],
    }),
    key,
  ).token;

Deno.test("an event of one's own is read as its envelope tells it, one after the other", () => {
  const read = recordedEventReader();
  const first = read(signed("찻잔", { subject: "mina", via: "gateway" }));
  const { id: _, ...second } = read(signed("b"));

  assertEquals([first.key, first.data, first.cause], [
    "찻잔",
    { id: "찻잔", total: 3 },
    { subject: "mina", via: "gateway" },
  ]);
  assertEquals(second, {
    type: "counter.counted",
    version: 1,
    stream: "counter/b",
    position: 3,
    key: "b",
    correlation: "flow",
    data: { id: "b", total: 3 },
    recordedAtMs: 5_000,
  });
});

Deno.test("what is no envelope is a defect of the table", () => {
  const read = recordedEventReader();
  for (const text of ["", "a.b.c", "..", `h.${"A".repeat(80_000)}.s`]) {
    assertThrows(() => read(text), { code: "defect" });
  }
});
