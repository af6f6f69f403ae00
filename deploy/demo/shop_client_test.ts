import { deepStrictEqual as assertEquals, rejects } from "node:assert/strict";
import { ManualClock, sequentialIds } from "@mesh/base";
import { shopClient } from "./shop_client.ts";

interface Sent {
  readonly url: string;
  readonly key: string | null;
  readonly token: string | null;
}

function shopThatAnswers(answers: readonly (() => Response)[]) {
  const left = [...answers];
  const sent: Sent[] = [];
  const waits: number[] = [];
  const clock = Object.assign(new ManualClock(), {
    delay: (durationMs: number) => {
      waits.push(durationMs);
      return Promise.resolve();
    },
  });
  const client = shopClient({
    baseUrl: "http://shop.test",
    clock,
    ids: sequentialIds(),
    fetch: (url, init) => {
      const headers = new Headers(init.headers);
      sent.push({ url, key: headers.get("idempotency-key"), token: headers.get("authorization") });
      return Promise.resolve(left.shift()!());
    },
  });
  return { client, sent, waits, clock };
}

const busy = () => new Response("{}", { status: 503, headers: { "retry-after": "2" } });

Deno.test("a write is repeated with the same idempotency key as long as the shop asks to come back later", async () => {
  const { client, sent, waits } = shopThatAnswers([busy, busy, () => Response.json({ orderId: "1" }, { status: 202 })]);

  assertEquals(await client.ask({ method: "POST", path: "/v1/orders", body: {} }), { orderId: "1" });
  assertEquals([new Set(sent.map(({ key }) => key)).size, sent.length, waits], [1, 3, [2_000, 2_000]]);
});

Deno.test("a shop that is busy for ever is given up", async () => {
  const { client } = shopThatAnswers(Array.from({ length: 6 }, () => busy));

  await rejects(client.ask({ method: "GET", path: "/v1/products" }), { code: "shop.refused", status: 503 });
});

Deno.test("a refusal is told in the shop's own words", async () => {
  const problem = {
    type: "https://jangteo.test/problems/price-changed",
    title: "A price has changed",
    errors: [{ pointer: "/lines/0", detail: "costs more" }],
  };
  const { client } = shopThatAnswers([() => Response.json(problem, { status: 422 })]);

  await rejects(client.ask({ method: "POST", path: "/v1/orders", body: {} }), {
    problem: "price-changed",
    message: "Cannot POST /v1/orders: status 422, A price has changed; /lines/0 costs more",
  });
});

Deno.test("a session is renewed shortly before its token runs out", async () => {
  const tokens = (accessToken: string) => () => Response.json({ accessToken, expiresInSeconds: 600 });
  const { client, clock } = shopThatAnswers([tokens("first"), tokens("second")]);
  const visitor = await client.logIn({ email: "a@b.test", password: "a-long-enough-secret" });
  const before = await visitor.token();
  await clock.advance(541_000);

  assertEquals([before, await visitor.token()], ["first", "second"]);
});
