import { correlationIntake, keyIntake } from "@mesh/broker";
import { type Channel, type ChannelModel, connect } from "amqplib";
import { EnvelopeCounter } from "./envelope_count.ts";

/** Receives a copy of whatever is put into mailboxes, while it is open. */
export class BrokerTap implements AsyncDisposable {
  readonly counter = new EnvelopeCounter();
  readonly #connection: ChannelModel;

  private constructor(connection: ChannelModel) {
    this.#connection = connection;
  }

  /** @param amqpUrl Of an administrator. */
  static async open(amqpUrl: string, services: readonly string[]): Promise<BrokerTap> {
    const tap = new BrokerTap(await connect(amqpUrl, { noDelay: true }));
    for (const service of services) {
      for (const intake of [keyIntake(service), correlationIntake(service)]) await tap.#listen(service, intake);
    }
    return tap;
  }

  async #listen(service: string, intake: string): Promise<void> {
    const channel = await this.#connection.createChannel();
    if (!await hasExchange(this.#connection, intake)) return await channel.close();
    const { queue } = await channel.assertQueue("", { exclusive: true, autoDelete: true });
    await channel.bindQueue(queue, intake, "#");
    await channel.consume(queue, (message) => {
      if (message === null) return;
      this.counter.note(service, message.content, message.properties.contentType as string | undefined);
    }, { noAck: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.close();
  }
}

/** A question whose answer is no closes the channel that it was asked on. */
async function hasExchange(connection: ChannelModel, name: string): Promise<boolean> {
  const channel: Channel = await connection.createChannel();
  channel.on("error", () => {});
  try {
    await channel.checkExchange(name);
    await channel.close();
    return true;
  } catch {
    return false;
  }
}
