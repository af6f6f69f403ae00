import { UnavailableError } from "@mesh/base";
import type postgres from "postgres";
import { isConnectionLost } from "./translate_error.ts";

/**
 * Runs statements in one transaction, as `sql.begin` does, and stays with the connection that it began on.
 *
 * The driver alone does not: once that connection has died, statements of the transaction crash the process (they are
 * written to a socket that is null), or run on the renewed connection, outside of any transaction. Here they fail, and
 * nothing is rolled back that the server has rolled back already.
 *
 * @see https://github.com/porsager/postgres/issues/1208
 */
export async function inTransaction<T>(
  sql: postgres.Sql,
  work: (transaction: postgres.TransactionSql) => Promise<T>,
): Promise<T> {
  const life: Life = { isOver: false };
  try {
    return await sql.begin(async (transaction) => {
      try {
        return await work(guard(transaction, life));
      } catch (error) {
        // The driver would now send a rollback. It hears from the dead connection by itself that this is over.
        if (life.isOver) return await new Promise<never>(() => {});
        throw error;
      }
    }) as T;
  } finally {
    life.isOver = true;
  }
}

interface Life {
  isOver: boolean;
}

/** What the driver makes of a tagged template; it runs when it is awaited. */
interface LazyQuery {
  handler: (query: LazyQuery) => unknown;
  reject: (error: unknown) => void;
}

function guard(transaction: postgres.TransactionSql, life: Life): postgres.TransactionSql {
  return new Proxy(transaction, {
    apply: (target, self, args) => guardQuery(Reflect.apply(target, self, args), life),
    get: (target, name) => {
      const member = Reflect.get(target, name);
      if (name === "unsafe") return (...args: unknown[]) => guardQuery(Reflect.apply(member, target, args), life);
      return member;
    },
  });
}

function guardQuery<T>(made: T, life: Life): T {
  if (!isLazyQuery(made)) return made;
  const { handler, reject } = made;
  made.reject = (error) => {
    if (isConnectionLost(error)) life.isOver = true;
    reject(error);
  };
  made.handler = (query) => {
    if (!life.isOver) return handler(query);
    const text = "Cannot go on with a transaction: its connection has ended";
    return reject(new UnavailableError(text, { dependency: "postgres" }));
  };
  return made;
}

/** Builders and identifiers, of which statements are composed, have no handler. */
function isLazyQuery(made: unknown): made is LazyQuery {
  return made instanceof Promise && "handler" in made && "reject" in made;
}
