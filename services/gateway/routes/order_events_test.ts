import { deepStrictEqual as assertEquals, ok as assert } from "node:assert/strict";
import { addresses, type GatewayFixture, openGateway } from "../gateway_fixture.ts";
import { pollMs } from "../order_watch.ts";
import { orders } from "../projections/orders.ts";
import { complete, completingOrder, newOrder, rejectedOrder, stock } from "../samples_fixture.ts";
import { heartbeatMs } from "./order_events.ts";

interface Message {
  readonly event: string;
  readonly id: string;
  // deno-lint-ignore no-explicit-any
  readonly data: any;
}

/** Reads a stream piece by piece. */
class Reader implements AsyncDisposable {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;

  constructor(body: ReadableStream<Uint8Array>) {
    this.#reader = body.getReader();
  }

  /** @returns The next event or comment; `undefined` at the end. */
  async next(): Promise<Message | string | undefined> {
    const { done, value } = await this.#reader.read();
    if (done) return undefined;
    const text = new TextDecoder().decode(value);
    if (text.startsWith(":")) return text;
    const fields = Object.fromEntries(text.trimEnd().split("\n").map((line) => line.split(/: (.*)/).slice(0, 2)));
    return { event: fields.event, id: fields.id, data: JSON.parse(fields.data) };
  }

  /** @returns Everything up to the end of the stream. */
  async rest(): Promise<readonly Message[]> {
    const all: Message[] = [];
    for (let next = await this.next(); next !== undefined; next = await this.next()) {
      if (typeof next !== "string") all.push(next);
    }
    return all;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.cancel();
  }
}

async function openShop(env: Readonly<Record<string, string>> = {}) {
  const gateway = await stock(await openGateway(env));
  const stopping = new AbortController();
  const watching = gateway.watch.run(stopping.signal);
  const orderId: string = (await (await gateway.ask("/v1/orders", {
    as: "mina",
    body: { ...newOrder, addressRef: addresses.mina },
    key: "k1",
  })).json()).orderId;
  const watch = async (lastId?: string): Promise<Reader> => {
    const response = await open(gateway, orderId, lastId);
    assertEquals([response.status, response.headers.get("content-type")], [200, "text/event-stream"]);
    return new Reader(response.body!);
  };
  return {
    ...gateway,
    gateway,
    orderId,
    watch,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await watching;
    },
  };
}

function open(gateway: GatewayFixture, orderId: string, lastId?: string): Promise<Response> {
  return gateway.ask(`/v1/orders/${orderId}/events`, {
    as: "mina",
    ...(lastId === undefined ? {} : { headers: { "last-event-id": lastId } }),
  });
}

Deno.test("a stream begins with the whole order, goes on with each step, and ends with the order", async () => {
  await using shop = await openShop();
  await using stream = await shop.watch();
  const first = await stream.next() as Message;
  assertEquals([first.event, first.id, first.data.status], ["order", "0.0.0", "accepted"]);
  await complete(shop.gateway, shop.orderId);
  shop.gateway.watch.wake([shop.orderId]);
  const messages = await stream.rest();
  assertEquals(messages.map(({ event }) => event), [...Array(11).fill("progress"), "order"]);
  const last = messages.at(-1)!;
  assertEquals([last.id, last.data.status], ["2.7.2", "confirmed"]);
});

Deno.test("without being woken a stream hears of changes within a second", async () => {
  await using shop = await openShop();
  await using stream = await shop.watch();
  await stream.next();
  const news = stream.next();
  // The watch looks once because a reader came; what happens afterwards is found by polling.
  await shop.clock.advance(1);
  await shop.tell(orders, completingOrder(shop.orderId).orders.slice(0, 1));
  await shop.clock.advance(pollMs);
  assertEquals((await news as Message).data.outcome, "placed");
});

Deno.test("a client that resumes gets what it has not seen, each step once", async () => {
  await using shop = await openShop();
  await shop.tell(orders, completingOrder(shop.orderId).orders.slice(0, 1));
  await shop.tell(orders, completingOrder(shop.orderId).saga.slice(0, 2));
  const seen: string[] = [];
  let lastId = "0.0.0";
  // The connection breaks after each event.
  for (let count = 0; count < 3; count += 1) {
    await using stream = await shop.watch(lastId);
    const { event, id, data } = await stream.next() as Message;
    assertEquals(event, "progress");
    seen.push(`${data.step} ${data.outcome}`);
    lastId = id;
  }
  assertEquals([seen, lastId], [["order placed", "reserveStock started", "reserveStock succeeded"], "1.2.0"]);
});

Deno.test("steps of another source that come late are not missed by one who resumes", async () => {
  await using shop = await openShop();
  const told = completingOrder(shop.orderId);
  await shop.tell(orders, [...told.saga.slice(0, 1)]);
  await using first = await shop.watch("0.0.0");
  const { id } = await first.next() as Message;
  await shop.tell(orders, told.orders.slice(0, 1));
  await using second = await shop.watch(id);
  const late = await second.next() as Message;
  assertEquals([id, late.id, late.data.outcome], ["0.1.0", "1.1.0", "placed"]);
});

Deno.test("an id that is not known gives the whole order", async () => {
  await using shop = await openShop();
  await shop.tell(orders, completingOrder(shop.orderId).orders.slice(0, 1));
  for (const lastId of ["17", "9.9.9", "x", "1.0.0.0", "-1.0.0"]) {
    await using stream = await shop.watch(lastId);
    const { event, data } = await stream.next() as Message;
    assertEquals([event, data.status], ["order", "placed"]);
  }
});

Deno.test("one who knows all but what is no news is not made to come back for ever", async () => {
  await using shop = await openShop();
  const told = completingOrder(shop.orderId);
  await complete(shop.gateway, shop.orderId);
  // One more turn of the saga that says nothing new.
  await shop.tell(orders, [{ ...told.saga.at(-1)!, position: 8 }]);
  assertEquals((await open(shop.gateway, shop.orderId, "2.7.2")).status, 204);
});

Deno.test("one who knows how an order ended is told not to come back", async () => {
  await using shop = await openShop();
  await shop.tell(orders, rejectedOrder(shop.orderId));
  await using stream = await shop.watch();
  const [whole, ...more] = await stream.rest();
  assertEquals([whole?.data.status, more], ["rejected", []]);
  const again = await open(shop.gateway, shop.orderId, whole!.id);
  assertEquals([again.status, await again.text()], [204, ""]);
});

Deno.test("a quiet stream gets a comment every 15 seconds", async () => {
  await using shop = await openShop();
  await using stream = await shop.watch();
  await stream.next();
  const next = stream.next();
  await shop.clock.advance(heartbeatMs);
  assert(typeof await next === "string");
});

Deno.test("a stream ends with the access token that opened it", async () => {
  await using shop = await openShop();
  await using stream = await shop.watch();
  await stream.next();
  const rest = stream.rest();
  await shop.clock.advance(600_000);
  assertEquals(await rest, []);
  assertEquals(shop.gateway.watch.count, 0);
});

Deno.test("a customer has few streams open at once, and a closed one makes room", async () => {
  await using shop = await openShop({ GATEWAY_STREAMS_PER_CUSTOMER_MAX: "1" });
  {
    await using stream = await shop.watch();
    await stream.next();
    const second = await open(shop.gateway, shop.orderId);
    assertEquals([second.status, (await second.json()).type], [429, "urn:jangteo:problem:too-many-streams"]);
  }
  await using again = await shop.watch();
  assertEquals((await again.next() as Message).event, "order");
});

Deno.test("streams end when the gateway drains", async () => {
  const shop = await openShop();
  await using stream = await shop.watch();
  await stream.next();
  const rest = stream.rest();
  await shop[Symbol.asyncDispose]();
  assertEquals(await rest, []);
});
