import { withDatabase } from "@mesh/testing/infra";
import postgres from "postgres";
import type { ContenderSetup } from "../../contender/protocol.ts";

/** Works in the database of one service, behind its back, on one connection. */
export async function inDatabase<T>(
  { postgresUrl, databasePrefix }: Pick<ContenderSetup, "postgresUrl" | "databasePrefix">,
  service: string,
  work: (sql: postgres.Sql) => Promise<T>,
): Promise<T> {
  const sql = postgres(withDatabase(postgresUrl, `${databasePrefix}${service}`), { max: 1, onnotice: () => {} });
  try {
    return await work(sql);
  } finally {
    await sql.end();
  }
}
