import { deepStrictEqual as assertEquals, rejects as assertRejects } from "node:assert/strict";
import { ManagementClient } from "./management.ts";

/** A management API that answers only from the call on that `answersFrom` numbers. */
function openSilentApi(answersFrom: number) {
  const calls: string[] = [];
  const open: (() => void)[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    calls.push(`${request.method} ${new URL(request.url).pathname}`);
    await request.text();
    if (calls.length < answersFrom) await new Promise<void>((resolve) => open.push(resolve));
    return Response.json({ isAnswered: true });
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  return {
    calls,
    client: new ManagementClient({ url, user: "ann", password: "secret", vhost: "shop", limitMs: 100 }),
    [Symbol.asyncDispose]: async () => {
      for (const answer of open) answer();
      await server.shutdown();
    },
  };
}

Deno.test("a call to the management API that is not answered is made again", async () => {
  await using api = openSilentApi(3);

  assertEquals(await api.client.call("PUT", "/api/vhosts/{vhost}"), { isAnswered: true });

  assertEquals(api.calls, Array(3).fill("PUT /api/vhosts/shop"));
});

Deno.test("a broker that never answers is reported after three attempts", async () => {
  await using api = openSilentApi(Infinity);

  await assertRejects(api.client.call("GET", "/api/overview"), { code: "dependency.unavailable" });

  assertEquals(api.calls.length, 3);
});

Deno.test("what may not happen twice is not asked for twice", async () => {
  await using api = openSilentApi(2);

  await assertRejects(api.client.call("POST", "/api/queues/{vhost}/orders.dead/get", {}), {
    code: "dependency.unavailable",
  });

  assertEquals(api.calls.length, 1);
});
