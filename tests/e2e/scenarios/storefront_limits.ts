import { deepStrictEqual as assertEquals, ok as assert } from "node:assert/strict";
import { systemIds } from "@mesh/base";
import { send } from "../storefront/mod.ts";
import type { Scenario } from "./world.ts";

const ids = systemIds();

/** What the storefront does not let through, and what it does once. */
export const storefrontLimits: readonly Scenario[] = [
  {
    name: "a request that is repeated with its key is one order; the key with another request is refused",
    run: async (world) => {
      await world.stock({ sku: "LIM-0001", units: 100 });
      const customer = await world.customer();
      const order = { lines: [{ sku: "LIM-0001", units: 1 }] };
      const key = ids.next();
      const answers = await Promise.all(Array.from({ length: 20 }, () => customer.ask(order, key)));
      // A twin that runs at the same moment may be told to wait; asked again it gets the same answer.
      const taken = answers.filter(({ status }) => status === 202);
      assert(answers.every(({ status }) => status === 202 || status === 409));
      const again = await customer.ask(order, key);
      assertEquals([again.status, again.headers.get("idempotency-replayed")], [202, "true"]);
      assertEquals(new Set(taken.map(({ body }) => JSON.stringify(body))), new Set([JSON.stringify(again.body)]));

      const other = await customer.ask({ lines: [{ sku: "LIM-0001", units: 2 }] }, key);
      assertEquals([other.status, (other.body as { type: string }).type.endsWith("idempotency-key-reused")], [
        422,
        true,
      ]);
      const without = await customer.request("POST", "/v1/orders", { body: { ...order } });
      assertEquals(without.status, 400);
      const { orderId } = again.body as { orderId: string };
      await customer.untilEnded(orderId);
      const placed = await world.records.events("orders", { type: "orders.order-placed" });
      assertEquals(placed.filter(({ data }) => data.orderId === orderId).length, 1);
    },
  },
  {
    name: "another customer's order is nowhere to be found",
    run: async (world) => {
      await world.stock({ sku: "LIM-0002", units: 1 });
      const [owner, stranger] = await Promise.all([world.customer(), world.customer()]);
      const orderId = await owner.place({ lines: [{ sku: "LIM-0002", units: 1 }] });
      await owner.untilEnded(orderId);
      const path = `/v1/orders/${orderId}`;
      const answers = await Promise.all([
        stranger.request("GET", path),
        stranger.request("GET", `${path}/events`),
        stranger.cancel(orderId),
        stranger.request("GET", `/v1/orders/${ids.next()}`),
      ]);
      assertEquals(answers.map(({ status }) => status), [404, 404, 404, 404]);
      const list = await stranger.request("GET", "/v1/orders");
      assertEquals((list.body as { items: unknown[] }).items, []);
      // Somebody else's address is as unknown.
      const asked = await stranger.ask({ lines: [{ sku: "LIM-0002", units: 1 }], addressRef: owner.addressRef });
      assertEquals(asked.status, 422);
    },
  },
  {
    name: "nobody orders without a token, and only staff keep products",
    run: async (world) => {
      const customer = await world.customer();
      const body = { name: "x", description: "", priceMinor: 1, currency: "EUR", isListed: true };
      const headers = { "idempotency-key": ids.next() };
      const statuses = await Promise.all([
        send(`${world.shop.url}/v1/orders`, "POST", { body: {}, headers }),
        send(`${world.shop.url}/v1/orders`, "GET", { headers: { authorization: `Bearer ${customer.token}x` } }),
        customer.request("PUT", "/v1/staff/products/LIM-0009", { body, headers }),
        customer.request("GET", "/audit/v1/events"),
      ]);
      assertEquals(statuses.map(({ status }) => status), [401, 401, 403, 403]);
    },
  },
  {
    name: "a body that is too large, no JSON, too deep or full of unknown members is refused",
    run: async (world) => {
      const customer = await world.customer();
      const headers = { "idempotency-key": ids.next() };
      const ask = async (text: string, more: Record<string, string> = {}) =>
        (await customer.request("POST", "/v1/orders", { text, headers: { ...headers, ...more } })).status;
      assertEquals(await ask(`{"lines":"${"x".repeat(65 * 1024)}"}`), 413);
      assertEquals(await ask("lines=1", { "content-type": "application/x-www-form-urlencoded" }), 415);
      assertEquals(await ask("{"), 400);
      assertEquals(await ask(`{"lines":${"[".repeat(40)}${"]".repeat(40)}}`), 400);
      assertEquals(await ask('{"lines":[],"__proto__":{"role":"staff"}}'), 400);
      assertEquals(await ask('{"lines":[{"sku":"LIM-0001","units":1,"priceMinor":1}]}'), 400);
    },
  },
  {
    name: "somebody who tries many refresh tokens is told to wait",
    run: async ({ shop }) => {
      const answers = await Promise.all(
        Array.from(
          { length: 400 },
          () => send(`${shop.url}/v1/sessions/refresh`, "POST", { body: { refreshToken: ids.next() } }),
        ),
      );
      const refused = answers.find(({ status }) => status === 429);
      assert(refused !== undefined, "no request was limited");
      assert(Number(refused.headers.get("retry-after")) >= 1);
      assertEquals(new Set(answers.map(({ status }) => status)), new Set([401, 429]));
    },
  },
];
