import { deepStrictEqual as assertEquals, rejects as assertRejects } from "node:assert/strict";
import { z } from "zod";
import { UnavailableError } from "@mesh/base";
import { peerLookup } from "./peer_lookup.ts";

/** A peer that knows everything but "nobody" and answers when the test says so. */
function open() {
  const asked: string[] = [];
  const answers: ((response: Response) => void)[] = [];
  const find = peerLookup({
    peers: {
      call: (peer, path) => {
        asked.push(`${peer} ${path}`);
        return new Promise((resolve) => answers.push(resolve));
      },
    },
    peer: "users",
    path: "/v1/contacts",
    parameter: "customer",
    item: z.object({ customerId: z.string(), email: z.string() }),
    keyOf: ({ customerId }) => customerId,
  });
  const itemOf = (customerId: string) => ({ customerId, email: `${customerId}@example.com` });
  return {
    find: (key: string, signal = new AbortController().signal) => find(key, signal),
    asked,
    answer: (at: number, ...ids: readonly string[]) => answers[at]!(Response.json({ items: ids.map(itemOf) })),
    refuse: (at: number, response: Response) => answers[at]!(response),
  };
}

Deno.test("keys that are asked for at the same time share a request, and each gets its own answer", async () => {
  const { find, asked, answer } = open();
  const found = [find("mina"), find("nobody"), find("jun ko"), find("mina")];
  await Promise.resolve();
  assertEquals(asked, ["users /v1/contacts?customer=mina&customer=nobody&customer=jun+ko"]);
  answer(0, "jun ko", "mina");
  const [mina, nobody, jun, again] = await Promise.all(found);
  assertEquals([mina?.email, nobody, jun?.customerId, again], ["mina@example.com", undefined, "jun ko", mina]);
});

Deno.test("an answer that is none fails for all who waited for it", async () => {
  const { find, refuse } = open();
  const away = [find("a"), find("b")].map((one) => assertRejects(one, UnavailableError));
  await Promise.resolve();
  refuse(0, new Response("later", { status: 503 }));
  await Promise.all(away);
  const malformed = assertRejects(find("a"), { code: "contract.invalid" });
  await Promise.resolve();
  refuse(1, Response.json({ items: [{ email: 1 }] }));
  await malformed;
});

Deno.test("whoever waits no longer is told at once, and the others get their answer", async () => {
  const { find, answer, asked } = open();
  const giveUp = new AbortController();
  const [first, second] = [find("a", giveUp.signal), find("b")];
  await Promise.resolve();
  giveUp.abort(new Error("too late"));
  await assertRejects(first, { message: "too late" });
  answer(0, "a", "b");
  assertEquals((await second)?.customerId, "b");
  await assertRejects(find("c", giveUp.signal), { message: "too late" });
  await Promise.resolve();
  assertEquals(asked.length, 1);
});
