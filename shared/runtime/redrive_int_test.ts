import { systemClock } from "@mesh/base";
import { PostgresStore } from "@mesh/store";
import { migrate, provisionService, readMeshMigrations } from "@mesh/store/migrate";
import { dropDatabase, startInfra } from "@mesh/testing/infra";
import { testRedrive } from "./redrive_conformance.ts";

const infra = await startInfra({ wants: ["postgres"] });
const databases: string[] = [];

Deno.test.afterAll(async () => {
  for (const database of databases) await dropDatabase(infra.postgres.adminUrl, database);
  await infra.stop();
});

testRedrive("Postgres", async () => {
  const prefix = `t${crypto.randomUUID().slice(0, 8)}_`;
  const { adminUrl } = infra.postgres;
  const made = await provisionService({ adminUrl, service: "counter", password: crypto.randomUUID(), prefix });
  databases.push(made.database);
  const sets = [await readMeshMigrations()];
  await migrate({ url: made.ownerUrl, role: made.ownerRole, runtimeRole: made.runtimeRole, sets });
  const store = new PostgresStore({ url: made.url, clock: systemClock });
  return {
    store,
    advance: async (durationMs: number) => {
      await store.sql`update mesh.dead_letter set died_at_ms = died_at_ms - ${durationMs}`;
    },
  };
});
