import { deepStrictEqual as assertEquals, rejects as assertRejects } from "node:assert/strict";
import { noWrites } from "../store.ts";
import { commitTurn } from "./commit_turn.ts";
import type { Connection } from "./connection.ts";
import { hasPoolFailed } from "./translate_error.ts";

/** A connection on which each statement is answered with the same rows. */
function answering(rows: readonly unknown[]): { readonly connection: Connection; readonly errors: unknown[] } {
  const errors: unknown[] = [];
  const sql = { unsafe: () => Promise.resolve(rows) };
  const attempt = (_what: string, work: (sql: unknown) => Promise<unknown>) =>
    work(sql).catch((error) => {
      errors.push(error);
      throw error;
    });
  return { connection: { attempt } as unknown as Connection, errors };
}

Deno.test("the answer to another statement is no commit, but an unknown outcome of a failed pool", async () => {
  for (const rows of [[{ pg_sleep: "" }], []]) {
    const { connection, errors } = answering(rows);
    await assertRejects(commitTurn(connection, noWrites), { code: "dependency.unavailable" });
    assertEquals(errors.map(hasPoolFailed), [true]);
  }
});

Deno.test("a row with the time of the commit is one", async () => {
  const { connection } = answering([{ now_ms: 7, duplicates: null, stale: null }]);
  assertEquals(await commitTurn(connection, noWrites), { outcome: "committed", nowMs: 7 });
});

Deno.test("a pool fails with a connection that dies, not with one that cannot be made", () => {
  const withCode = (code: string) => Object.assign(new Error(code), { code });
  const codes = ["CONNECTION_CLOSED", "ECONNRESET", "CONNECT_TIMEOUT", "ECONNREFUSED", "CONNECTION_ENDED", "23505"];
  assertEquals(codes.map((code) => hasPoolFailed(withCode(code))), [true, true, true, false, false, false]);
  const fatal = (code: string) => hasPoolFailed(Object.assign(withCode(code), { severity: "FATAL" }));
  assertEquals(["57P01", "25P03", "28P01", "3D000", "53300", "57P03"].map(fatal), [
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});
