import postgres from "postgres";

/** Drops every database and then every role whose name begins with a prefix, whoever is connected to it. */
export async function dropDatabases(adminUrl: string, prefix: string): Promise<void> {
  await asAdmin(adminUrl, async (sql) => {
    const databases = await sql<{ name: string }[]>`
      select datname as name from pg_database where starts_with(datname, ${prefix})`;
    for (const { name } of databases) await sql`drop database ${sql(name)} with (force)`;
    const roles = await sql<{ name: string }[]>`
      select rolname as name from pg_roles where starts_with(rolname, ${prefix})`;
    for (const { name } of roles) await sql`drop role ${sql(name)}`;
  });
}

/** Writes out what making databases has left to be written, so that no measurement pays for it. */
export async function settleDatabase(adminUrl: string): Promise<void> {
  await asAdmin(adminUrl, (sql) => sql`checkpoint`);
}

async function asAdmin(adminUrl: string, work: (sql: postgres.Sql) => Promise<unknown>): Promise<void> {
  const sql = postgres(adminUrl, { max: 1, onnotice: () => {} });
  try {
    await work(sql);
  } finally {
    await sql.end();
  }
}
