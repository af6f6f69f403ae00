import { Buffer } from "node:buffer";
import { type Channel, type ChannelModel, type ConfirmChannel, connect, type ConsumeMessage } from "amqplib";

/** What is published: to which queue, and the text. */
export interface Parcel {
  readonly queue: string;
  readonly text: string;
}

/** The exchange that all goes through. */
export const exchange = "ceiling";

/** One connection to the broker, with a channel that publishes and one that consumes. */
export class Bus {
  readonly #connection: ChannelModel;
  readonly #publishing: ConfirmChannel;
  readonly #consuming: Channel;
  #acked = Promise.resolve();

  private constructor(connection: ChannelModel, publishing: ConfirmChannel, consuming: Channel) {
    this.#connection = connection;
    this.#publishing = publishing;
    this.#consuming = consuming;
  }

  static async open(amqpUrl: string): Promise<Bus> {
    // Without `noDelay` a lone message waits 40 ms for company (Nagle).
    const connection = await connect(amqpUrl, { noDelay: true });
    const publishing = await connection.createConfirmChannel();
    const consuming = await connection.createChannel();
    await consuming.prefetch(prefetch);
    return new Bus(connection, publishing, consuming);
  }

  /** Makes the exchange and a quorum queue for each name. */
  async provide(queues: readonly string[]): Promise<void> {
    await this.#consuming.assertExchange(exchange, "topic", { durable: true });
    for (const queue of queues) {
      await this.#consuming.assertQueue(queue, { durable: true, arguments: { "x-queue-type": "quorum" } });
      await this.#consuming.bindQueue(queue, exchange, queue);
    }
  }

  /** Resolves once the broker has confirmed all of them. */
  async publish(parcels: readonly Parcel[]): Promise<void> {
    await Promise.all(parcels.map(({ queue, text }) =>
      new Promise<void>((resolve, reject) => {
        const confirmed = (error: unknown) => error ? reject(error) : resolve();
        this.#publishing.publish(exchange, queue, Buffer.from(text, "latin1"), { persistent: true }, confirmed);
      })
    ));
  }

  async consume(queue: string, take: (message: ConsumeMessage) => void): Promise<void> {
    await this.#consuming.consume(queue, (message) => message !== null && take(message));
  }

  /** Acknowledges everything up to a message, once `settled`; never before what came earlier is settled, too. */
  ackUpTo(message: ConsumeMessage, settled: Promise<void>): void {
    this.#acked = this.#acked.then(() => settled).then(() => this.#consuming.ack(message, true));
  }

  async close(): Promise<void> {
    await this.#acked;
    await this.#connection.close();
  }
}

/** 256: four batches, so that the next one is there when one is done. */
const prefetch = 256;
