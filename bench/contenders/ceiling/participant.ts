/**
 * One participant of the ceiling: `participant.ts <service>`; a batch costs one statement and one wave of confirms.
 *
 * @module
 */
import process from "node:process";
import type { ConsumeMessage } from "amqplib";
import postgres from "postgres";
import { Batcher } from "./batcher.ts";
import { Bus } from "./bus.ts";
import { type Letter, letterFrom } from "./letter.ts";
import { type CeilingKeys, SignedJson } from "./signed_json.ts";

/** What a participant is told by its environment. */
export interface ParticipantSetup {
  readonly amqpUrl: string;
  readonly databaseUrl: string;
  readonly keys: CeilingKeys;
}

async function runParticipant(service: string, setup: ParticipantSetup): Promise<void> {
  const bus = await Bus.open(setup.amqpUrl);
  const sql = postgres(setup.databaseUrl, { max: 1, onnotice: () => {} });
  const signed = new SignedJson(setup.keys);
  let confirmed: string[] = [];
  const batcher = new Batcher<ConsumeMessage>(async (messages) => {
    const asked = messages.map(({ content }) => signed.decode(content.toString("latin1")) as Letter);
    const answers = asked.map(({ type, saga, step, data }) =>
      letterFrom(service, { type: `${type}.done`, saga, step, data })
    );
    const texts = answers.map((answer) => signed.encode(answer));
    const done = confirmed;
    confirmed = [];
    await sql`
      with message as (
        select * from unnest(
          ${asked.map(({ id }) => id)}::uuid[], ${asked.map(({ saga }) => saga)}::uuid[],
          ${asked.map(({ step }) => step)}::int[], ${answers.map(({ id }) => id)}::uuid[], ${texts}::text[]
        ) as t(id, saga, step, answer, body)
      ), taken as (
        insert into ${sql(`inbox_${service}`)} (id) select id from message on conflict do nothing
      ), state as (
        insert into ${sql(`state_${service}`)} (saga, step, phase) select saga, step, 'done' from message
        on conflict (saga, step) do nothing
      ), event as (
        insert into ${sql(`event_${service}`)} (saga, version, body) select saga, step, body from message
        on conflict do nothing
      ), sent as (
        delete from ${sql(`outbox_${service}`)} where id = any (${done}::uuid[])
      )
      insert into ${sql(`outbox_${service}`)} (id, queue, body) select answer, 'orchestrator', body from message`;
    const published = bus.publish(texts.map((text) => ({ queue: "orchestrator", text })))
      .then(() => void confirmed.push(...answers.map(({ id }) => id)));
    bus.ackUpTo(messages.at(-1)!, published);
  });
  await bus.consume(service, (message) => batcher.push(message));
  process.on("SIGTERM", () => process.exit(0));
  console.log("ready");
}

if (import.meta.main) {
  await runParticipant(Deno.args[0]!, JSON.parse(Deno.env.get("CEILING_SETUP")!) as ParticipantSetup);
}
