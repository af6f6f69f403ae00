import { systemClock } from "@mesh/base";
import { PostgresStore } from "@mesh/store";
import { migrate, provisionService, readMeshMigrations } from "@mesh/store/migrate";
import { dropDatabase, startInfra } from "@mesh/testing/infra";
import { testOperatorActs } from "./operator_acts_conformance.ts";

const infra = await startInfra({ wants: ["postgres"] });
const databases: string[] = [];

Deno.test.afterAll(async () => {
  for (const database of databases) await dropDatabase(infra.postgres.adminUrl, database);
  await infra.stop();
});

testOperatorActs("Postgres", async () => {
  const prefix = `t${crypto.randomUUID().slice(0, 8)}_`;
  const { adminUrl } = infra.postgres;
  const made = await provisionService({ adminUrl, service: "orchestrator", password: crypto.randomUUID(), prefix });
  databases.push(made.database);
  const sets = [await readMeshMigrations()];
  await migrate({ url: made.ownerUrl, role: made.ownerRole, runtimeRole: made.runtimeRole, sets });
  return new PostgresStore({ url: made.url, clock: systemClock });
});
