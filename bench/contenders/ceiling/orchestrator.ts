import type { ConsumeMessage } from "amqplib";
import type postgres from "postgres";
import { orderData } from "../order_data.ts";
import { Batcher } from "./batcher.ts";
import type { Bus } from "./bus.ts";
import { type Letter, letterFrom } from "./letter.ts";
import type { SignedJson } from "./signed_json.ts";
import { steps } from "./tables.ts";

/** What the orchestrator works with. */
export interface OrchestratorParts {
  readonly bus: Bus;
  readonly sql: postgres.Sql;
  readonly signed: SignedJson;
}

/** Runs sagas: asks one participant after the other, and stores one event per turn. */
export class Orchestrator {
  readonly #parts: OrchestratorParts;
  readonly #waiting = new Map<string, () => void>();
  readonly #starts = new Batcher<string>((sagas) => this.#start(sagas));
  readonly #answers = new Batcher<ConsumeMessage>((messages) => this.#take(messages));
  #confirmed: string[] = [];

  constructor(parts: OrchestratorParts) {
    this.#parts = parts;
  }

  async listen(): Promise<void> {
    await this.#parts.bus.consume("orchestrator", (message) => this.#answers.push(message));
  }

  /** Resolves once the end of the saga is stored. */
  runSaga(): Promise<void> {
    const saga = crypto.randomUUID();
    return new Promise((resolve) => {
      this.#waiting.set(saga, resolve);
      this.#starts.push(saga);
    });
  }

  async #start(sagas: readonly string[]): Promise<void> {
    const { sql } = this.#parts;
    const asks = sagas.map((saga) => askFor(saga, 0, orderData(saga)));
    const texts = asks.map((ask) => this.#parts.signed.encode(ask));
    await sql`
      with message as (
        select * from unnest(${sagas}::uuid[], ${asks.map(({ id }) => id)}::uuid[], ${texts}::text[])
          as t(saga, ask, body)
      ), state as (
        insert into saga (id, step, phase) select saga, 0, 'running' from message
      ), event as (
        insert into event_orchestrator (saga, version, body) select saga, 0, body from message
      ), sent as (
        delete from outbox_orchestrator where id = any (${this.#takeConfirmed()}::uuid[])
      )
      insert into outbox_orchestrator (id, queue, body) select ask, ${steps[0].service}::text, body from message`;
    void this.#publish(asks, texts);
  }

  async #take(messages: readonly ConsumeMessage[]): Promise<void> {
    const { sql, bus, signed } = this.#parts;
    const answers = messages.map(({ content }) => signed.decode(content.toString("latin1")) as Letter);
    const going = answers.filter(({ step }) => step + 1 < steps.length);
    const asks = going.map(({ saga, step, data }) => askFor(saga, step + 1, data));
    const texts = asks.map((ask) => signed.encode(ask));
    const records = answers.map(({ id, type, saga, step }) => JSON.stringify({ heard: { id, type }, saga, step }));
    await sql`
      with answer as (
        select * from unnest(
          ${answers.map(({ id }) => id)}::uuid[], ${answers.map(({ saga }) => saga)}::uuid[],
          ${answers.map(({ step }) => step + 1)}::int[], ${records}::text[]
        ) as t(id, saga, step, body)
      ), ask as (
        select * from unnest(
          ${asks.map(({ id }) => id)}::uuid[], ${asks.map(({ step }) => steps[step]!.service)}::text[], ${texts}::text[]
        ) as t(id, queue, body)
      ), taken as (
        insert into inbox_orchestrator (id) select id from answer on conflict do nothing
      ), state as (
        update saga set step = answer.step, phase = case when answer.step = ${steps.length} then 'done' else 'running' end
        from answer where saga.id = answer.saga and saga.step = answer.step - 1
      ), event as (
        insert into event_orchestrator (saga, version, body) select saga, step, body from answer on conflict do nothing
      ), sent as (
        delete from outbox_orchestrator where id = any (${this.#takeConfirmed()}::uuid[])
      )
      insert into outbox_orchestrator (id, queue, body) select id, queue, body from ask`;
    bus.ackUpTo(messages.at(-1)!, this.#publish(asks, texts));
    for (const { saga, step } of answers) if (step + 1 === steps.length) this.#end(saga);
  }

  async #publish(asks: readonly Letter[], texts: readonly string[]): Promise<void> {
    await this.#parts.bus.publish(asks.map(({ step }, index) => ({
      queue: steps[step]!.service,
      text: texts[index]!,
    })));
    this.#confirmed.push(...asks.map(({ id }) => id));
  }

  #takeConfirmed(): readonly string[] {
    const confirmed = this.#confirmed;
    this.#confirmed = [];
    return confirmed;
  }

  #end(saga: string): void {
    this.#waiting.get(saga)?.();
    this.#waiting.delete(saga);
  }
}

function askFor(saga: string, step: number, data: Letter["data"]): Letter {
  return letterFrom("orchestrator", { type: `${steps[step]!.service}.${steps[step]!.asks}`, saga, step, data });
}
