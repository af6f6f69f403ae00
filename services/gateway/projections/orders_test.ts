import { SagaAdvanced, SagaOperated } from "@shop/orchestrator";
import { deepStrictEqual as assertEquals } from "node:assert/strict";
import {
  CancellationRefused,
  CancellationRequested,
  OrderConfirmed,
  OrderPlaced,
  OrderRefused,
  OrderRejected,
} from "@shop/orders";
import type { AnyEvent } from "@mesh/contract";
import type { DataOf } from "@mesh/contract";
import { accounts, projectedFrom, type Told } from "../gateway_fixture.ts";
import { completingOrder, rejectedOrder } from "../samples_fixture.ts";
import { logEntriesMax, type OrderRow } from "./order_row.ts";
import { nobody, orders } from "./orders.ts";

const orderId = "0198d6f0-0000-7000-8000-00000000000f";
const mine = { orderId, customerId: accounts.mina };
const others = { orderId, customerId: accounts.joon };
const { orders: [placed], ...rest } = completingOrder(orderId);

function play(told: readonly Told[]): OrderRow {
  return told.reduce((row, each) => orders.apply(row, projectedFrom(each)), orders.initialRow(orderId));
}

function ofOrder(...events: readonly AnyEvent[]): readonly Told[] {
  return events.map((event, index) => ({ event, stream: `orders/${orderId}`, position: index + 1 }));
}

const place = OrderPlaced(placed!.event.data as DataOf<typeof OrderPlaced>);

Deno.test("an order that completes is confirmed, with every step in its log", () => {
  const told = completingOrder(orderId);
  const row = play([...told.orders, ...told.saga, ...told.shipping]);
  assertEquals([row.status, row.customerId, row.trackingCode, row.saga], [
    "confirmed",
    accounts.mina,
    "KR-1",
    { phase: "completed", step: null, needsAttention: false },
  ]);
  assertEquals(
    row.log.map(({ source, no, step, outcome, next = "" }) => `${source} ${no} ${step} ${outcome} ${next}`),
    [
      "orders 1 order placed ",
      "orders 2 order confirmed ",
      "saga 1 reserveStock started ",
      "saga 2 reserveStock succeeded authorizePayment",
      "saga 3 authorizePayment succeeded capturePayment",
      "saga 4 capturePayment succeeded arrangeShipment",
      "saga 5 arrangeShipment succeeded shipOut",
      "saga 6 shipOut succeeded ",
      "saga 7 saga completed ",
      "shipping 1 shipment requested ",
      "shipping 2 shipment booked ",
    ],
  );
});

Deno.test("a row does not depend on how events of different streams were mixed", () => {
  const told = completingOrder(orderId);
  const mixes = [
    [...told.orders, ...told.saga, ...told.shipping],
    [...told.shipping, ...told.saga, ...told.orders],
    [...told.saga.slice(0, 3), ...told.orders.slice(0, 1), ...told.shipping, ...told.saga.slice(3), told.orders[1]!],
  ];
  const [first, ...others] = mixes.map(play);
  for (const other of others) assertEquals(other, first);
});

Deno.test("what an operator does to an order's saga moves its progress like any other turn", () => {
  const [started] = completingOrder(orderId).saga;
  const turn = started!.event.data as DataOf<typeof SagaAdvanced>;
  const { stream } = started!;
  const input = { kind: "act" as const, id: "act-1", reason: "a wrong order", act: { name: "compensate" as const } };
  const failure = { step: "reserveStock", reason: "unknown" as const };
  const operated = SagaOperated({ ...turn, input, phase: "turning-back", failure });
  const row = play([started!, { event: operated, stream, position: 2 }]);
  assertEquals([row.saga?.phase, row.log.at(-1)?.outcome], ["turning-back", "unknown"]);
});

Deno.test("an order that is turned back is rejected with its reason", () => {
  const row = play(rejectedOrder(orderId));
  assertEquals([row.status, row.reason], ["rejected", "out-of-stock"]);
  assertEquals(row.log.filter(({ source }) => source === "saga").map(({ step, outcome }) => [step, outcome]), [
    ["reserveStock", "started"],
    ["reserveStock", "refused"],
    ["reserveStock", "undone"],
  ]);
});

Deno.test("an order that is rejected because of a cancellation is cancelled", () => {
  const row = play(ofOrder(
    place,
    CancellationRequested(mine),
    OrderRejected({ ...mine, reason: "cancelled", failedStep: "authorizePayment" }),
  ));
  assertEquals([row.status, row.reason, row.cancellation], ["cancelled", "cancelled", "requested"]);
});

Deno.test("repeats change nothing", () => {
  const once = ofOrder(place, CancellationRequested(mine), OrderConfirmed(mine));
  const row = play(once);
  const repeats = [
    CancellationRequested({ ...mine, isRepeat: true }),
    OrderConfirmed({ ...mine, isRepeat: true }),
    OrderRejected({ ...mine, reason: "declined", failedStep: "authorizePayment", isRepeat: true }),
    OrderRefused({ ...mine, reason: "already-placed", isRepeat: true }),
    CancellationRefused({ ...mine, reason: "already-confirmed" }),
  ].map((event, index): Told => ({ event, stream: `orders/${orderId}`, position: 4 + index }));
  assertEquals(play([...once, ...repeats]), row);
});

Deno.test("somebody who asks for another's cancellation does not become the owner", () => {
  const stranger = CancellationRefused({ ...others, reason: "not-found" });
  const before = play(ofOrder(stranger));
  assertEquals([before.customerId, orders.ownerOf(before), before.log], [null, nobody, []]);
  const after = play(ofOrder(stranger, place, stranger));
  assertEquals([after.customerId, after.cancellation, after.log.length], [accounts.mina, "none", 1]);
});

Deno.test("a cancellation that came too late is told once", () => {
  const tooLate = CancellationRefused({ ...mine, reason: "too-late" });
  const row = play(ofOrder(place, CancellationRequested(mine), tooLate, tooLate));
  assertEquals([row.cancellation, row.log.map(({ outcome }) => outcome)], [
    "refused",
    ["placed", "cancellation-requested", "cancellation-refused"],
  ]);
});

Deno.test("a refused order belongs to who asked for it", () => {
  const row = play(ofOrder(OrderRefused({ ...mine, reason: "total-out-of-range" })));
  assertEquals([row.status, row.reason, orders.ownerOf(row)], ["refused", "total-out-of-range", accounts.mina]);
});

Deno.test("the log stays bounded however often a saga goes back and forth", () => {
  const [turn] = rest.saga;
  const told = Array.from({ length: 300 }, (_, index): Told => {
    const data = { ...(turn!.event.data as Record<string, unknown>), step: index % 2 === 0 ? "one" : "two" };
    return { ...turn!, event: { ...turn!.event, data }, position: index + 1 };
  });
  const row = play(told);
  assertEquals([row.log.length, row.log.at(-1)?.no], [logEntriesMax, 300]);
});

Deno.test("an event belongs to the order that its stream names, or to none", () => {
  const keyOf = (stream: string) => orders.keyOf(projectedFrom({ event: place, stream, position: 1 }));
  assertEquals(
    [`orders/${orderId}`, `orchestrator/place-order/${orderId}`, `shipping/${orderId}`, "orders/log-p0", "x/y"].map(
      keyOf,
    ),
    [orderId, orderId, orderId, undefined, undefined],
  );
  assertEquals(keyOf(`orchestrator/another-saga/${orderId}`), undefined);
});
