import { UnavailableError } from "@mesh/base";
import type postgres from "postgres";
import { isConnectionLost } from "./translate_error.ts";

/**
 * Makes the transactions of a pool stay with the connection that they began on.
 *
 * The driver alone does not: once that connection has died, statements of the transaction crash the process (they are
 * written to a socket that is null), or run on the renewed connection, outside of any transaction. Here they fail, and
 * nothing is rolled back that the server has rolled back already.
 *
 * @param sql The pool; its `begin` is replaced.
 * @see https://github.com/porsager/postgres/issues/1208
 */
export function guardTransactions(sql: postgres.Sql): postgres.Sql {
  const begin = sql.begin as Begin;
  sql.begin = ((...args: [Work] | [string, Work]) => {
    const [mode, work] = args.length === 1 ? ["", args[0]] : args;
    const life: Life = { isOver: false };
    return begin(mode, guardWork(work, life)).finally(() => life.isOver = true);
  }) as typeof sql.begin;
  return sql;
}

type Work = (transaction: postgres.TransactionSql) => unknown;
type Begin = (mode: string, work: Work) => Promise<unknown>;

interface Life {
  isOver: boolean;
}

/** What the driver makes of a tagged template; it runs when it is awaited. */
interface LazyQuery {
  handler: (query: LazyQuery) => unknown;
  reject: (error: unknown) => void;
}

function guardWork(work: Work, life: Life): Work {
  return async (transaction) => {
    try {
      const result = await work(guardTransaction(transaction, life));
      return Array.isArray(result) ? await Promise.all(result) : result;
    } catch (error) {
      // The driver would now send a rollback. It hears from the dead connection by itself that this is over.
      if (life.isOver) return await new Promise<never>(() => {});
      throw error;
    }
  };
}

function guardTransaction(transaction: postgres.TransactionSql, life: Life): postgres.TransactionSql {
  return new Proxy(transaction, {
    apply: (target, self, args) => guardQuery(Reflect.apply(target, self, args), life),
    get: (target, name) => {
      const member = Reflect.get(target, name);
      if (name === "unsafe") return (...args: unknown[]) => guardQuery(Reflect.apply(member, target, args), life);
      if (name === "savepoint") {
        return (...args: [Work] | [string, Work]) =>
          Reflect.apply(member, target, [...args.slice(0, -1), guardWork(args.at(-1) as Work, life)]);
      }
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
