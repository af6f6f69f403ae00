import { deepStrictEqual as assertEquals, rejects } from "node:assert/strict";
import { ManualClock, sequentialIds } from "@mesh/base";
import { followOrder, type OrderNews, serverSentEvents } from "./follow_order.ts";
import { shopClient } from "./shop_client.ts";

const placed = { at: "2026-01-01T00:00:00.000Z", step: "order", outcome: "placed" };
const order = (status: string) => ({ orderId: "1", status, currency: "EUR", totalMinor: 900, progress: [placed] });
const event = (name: string, id: string, data: unknown) =>
  `event: ${name}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;

/** A clock that passes over every delay. */
const clock = Object.assign(new ManualClock(), { delay: () => Promise.resolve() });

async function follow(answers: readonly (() => Response)[]) {
  const left = [...answers];
  const lastIds: (string | null)[] = [];
  const client = shopClient({
    baseUrl: "http://shop.test",
    clock,
    ids: sequentialIds(),
    fetch: (_url, init) => {
      lastIds.push(new Headers(init.headers).get("last-event-id"));
      return Promise.resolve(left.shift()!());
    },
  });
  const customer = {
    email: "",
    addressRef: "",
    token: () => Promise.resolve("token"),
    ask: <T>() => Promise.resolve(undefined as T),
  };
  const news: OrderNews[] = [];
  for await (const one of followOrder("1", { client, customer, clock, signal: new AbortController().signal })) {
    news.push(one);
  }
  return { news, lastIds };
}

Deno.test("an order is followed until it has ended", async () => {
  const body = event("order", "0.0.0", order("accepted")) + ": still here\n\n" + event("progress", "1.0.0", placed) +
    event("order", "1.0.0", order("confirmed"));

  assertEquals(await follow([() => new Response(body)]), {
    news: [
      { kind: "order", order: order("accepted") },
      { kind: "progress", step: placed },
      { kind: "order", order: order("confirmed") },
    ],
    lastIds: [null],
  });
});

Deno.test("a stream that breaks off is opened again after the last event that came", async () => {
  const { news, lastIds } = await follow([
    () => new Response(event("progress", "1.0.0", placed)),
    () => new Response(event("order", "1.2.0", order("rejected"))),
  ]);

  assertEquals([news.length, lastIds], [2, [null, "1.0.0"]]);
});

Deno.test("a stream that never gets anywhere is given up", async () => {
  await rejects(follow(Array.from({ length: 10 }, () => () => new Response(""))), {
    code: "dependency.unavailable",
    message: "Cannot follow order 1: its stream broke off 10 times",
  });
});

Deno.test("server-sent events are read across the borders of what comes in", async () => {
  const bytes = new TextEncoder().encode(event("order", "1", { name: "녹차" }));
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) => {
      for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
      controller.close();
    },
  });

  assertEquals(await Array.fromAsync(serverSentEvents(body)), [{ event: "order", id: "1", data: '{"name":"녹차"}' }]);
});
