/**
 * What could be reached: the compared saga by hand on amqplib and postgres alone, with all that makes it durable and
 * signed and nothing that makes it a product. No sweeper, no timeouts, no recovery, no schema is checked.
 *
 * @module
 */
import { engineFlag } from "@jangteo/deploy/permissions";
import { createDatabase, withDatabase } from "@mesh/testing/infra";
import postgres from "postgres";
import type { Contender } from "../../contender/contender.ts";
import type { ContenderSetup } from "../../contender/protocol.ts";
import { serveContender } from "../../contender/serve_contender.ts";
import { startMember } from "../../contender/start_member.ts";
import { Bus } from "./bus.ts";
import { Orchestrator } from "./orchestrator.ts";
import type { ParticipantSetup } from "./participant.ts";
import { drawKeys, SignedJson } from "./signed_json.ts";
import { faultsOfTables, makeTables, participantNames } from "./tables.ts";

async function openCeiling({ amqpUrl, postgresUrl, databasePrefix }: ContenderSetup): Promise<Contender> {
  const database = `${databasePrefix}all`;
  await createDatabase(postgresUrl, database);
  const databaseUrl = withDatabase(postgresUrl, database);
  const keys = drawKeys();
  const sql = postgres(databaseUrl, { max: 2, onnotice: () => {} });
  await makeTables(sql);
  const bus = await Bus.open(amqpUrl);
  await bus.provide(["orchestrator", ...participantNames]);
  const members = participantNames.map((name) => startParticipant(name, { amqpUrl, databaseUrl, keys }));
  await Promise.all(members.map((member) => member.untilLine(/^ready$/)));
  const orchestrator = new Orchestrator({ bus, sql, signed: new SignedJson(keys) });
  await orchestrator.listen();
  return {
    processes: { services: members.map(({ pid }) => pid), driver: [Deno.pid] },
    runSaga: () => orchestrator.runSaga(),
    judge: (sagas) => faultsOfTables(sql, sagas),
    stop: async () => {
      await Promise.all(members.map((member) => member.stop()));
      await bus.close();
      await sql.end();
    },
  };
}

function startParticipant(name: string, setup: ParticipantSetup) {
  const program = new URL("./participant.ts", import.meta.url).pathname;
  const env = { ...Deno.env.toObject(), CEILING_SETUP: JSON.stringify(setup) };
  return startMember({ name, command: ["run", engineFlag, "--frozen", "--cached-only", "-A", program, name], env });
}

if (import.meta.main) await serveContender(openCeiling);
