import { deepStrictEqual as assertEquals, rejects as assertRejects } from "node:assert/strict";
import { z } from "zod";
import { fakeMesh } from "./cli_fixture.ts";
import { CliError } from "./exit_codes.ts";
import { call } from "./service_client.ts";

const ask = (answer: unknown) => {
  const { send, requests } = fakeMesh({ "GET orders": answer });
  const done = call({
    url: "http://orders/x",
    target: "orders",
    schema: z.object({ ok: z.boolean() }),
    send,
    token: "t",
  });
  return { done, requests };
};

Deno.test("call brings the answer, with the token of whoever asks", async () => {
  const { done, requests } = ask({ ok: true });

  assertEquals(await done, { ok: true });
  assertEquals(requests, [{ line: "GET orders/x", body: undefined, token: "t" }]);
});

Deno.test("call says by its exit code what kind of failure it was", async () => {
  const codes = await Promise.all([400, 401, 403, 404, 409, 429, 500, 503].map(async (status) => {
    const error = await ask(status).done.catch((error) => error);
    return [status, error instanceof CliError ? error.exitCode : error];
  }));

  assertEquals(codes, [[400, 2], [401, 4], [403, 4], [404, 3], [409, 1], [429, 5], [500, 1], [503, 5]]);
  await assertRejects(ask(undefined).done, { exitCode: 5, message: /Cannot reach orders .*Is the shop running\?/ });
  await assertRejects(ask(401).done, { message: /mesh login/ });
  await assertRejects(ask({ ok: "perhaps" }).done, { exitCode: 1, message: /another version/ });
});
