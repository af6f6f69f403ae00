import type { OutgoingMessage, PublishOutcome } from "./broker.ts";
import { bundleBytesMax, bundledBytes, bundledMax } from "./bundle.ts";

/** What a bundler needs. */
export interface BundlerOptions {
  /** Messages that travel together at most; 1 turns bundling off. */
  readonly bundleMax: number;
  /** Sends messages as one: a single one as it is, several as a bundle. May throw instead of rejecting. */
  readonly send: (messages: readonly OutgoingMessage[]) => Promise<PublishOutcome>;
}

/** What is to travel as one message of the broker. */
interface Parcel {
  readonly messages: OutgoingMessage[];
  readonly waiting: PromiseWithResolvers<PublishOutcome>[];
  bytes: number;
}

/** Puts messages that are published in one tick and go the same way together; see `OutgoingMessage.bundleKey`. */
export class Bundler {
  readonly #send: BundlerOptions["send"];
  readonly #bundleMax: number;
  /** In the order of sending. */
  #parcels: Parcel[] = [];
  /** Place of the parcel that still takes messages, by exchange, bundle key and whether it is mandatory. */
  #open = new Map<string, number>();
  /** Place of the parcel that an order key stands in last. */
  #lastOf = new Map<string, number>();

  constructor({ bundleMax, send }: BundlerOptions) {
    this.#bundleMax = Math.min(bundleMax, bundledMax);
    this.#send = send;
  }

  /** As `Publisher.publish`; throws where sending at once throws. */
  publish(message: OutgoingMessage): Promise<PublishOutcome> {
    if (this.#parcels.length === 0) {
      if (this.#bundleMax === 1 || message.bundleKey === undefined) return this.#send([message]);
      queueMicrotask(() => this.#flush());
    }
    const parcel = this.#place(message);
    const waiting = Promise.withResolvers<PublishOutcome>();
    parcel.messages.push(message);
    parcel.waiting.push(waiting);
    return waiting.promise;
  }

  /** Finds the parcel for a message: one of its kind with room, and none ahead of what shares its order key. */
  #place(message: OutgoingMessage): Parcel {
    const { exchange, bundleKey, orderKey, isMandatory } = message;
    const kind = bundleKey === undefined ? undefined : `${exchange} ${isMandatory} ${bundleKey}`;
    const bytes = bundledBytes(message);
    const behind = orderKey === undefined ? 0 : this.#lastOf.get(orderKey) ?? 0;
    let at = kind === undefined ? -1 : this.#open.get(kind) ?? -1;
    if (at < behind || !this.#hasRoom(this.#parcels[at]!, bytes)) {
      at = this.#parcels.push({ messages: [], waiting: [], bytes: 0 }) - 1;
      if (kind !== undefined) this.#open.set(kind, at);
    }
    if (orderKey !== undefined) this.#lastOf.set(orderKey, at);
    const parcel = this.#parcels[at]!;
    parcel.bytes += bytes;
    return parcel;
  }

  #hasRoom(parcel: Parcel, bytes: number): boolean {
    return parcel.messages.length < this.#bundleMax && parcel.bytes + bytes <= bundleBytesMax;
  }

  #flush(): void {
    const parcels = this.#parcels;
    this.#parcels = [];
    this.#open = new Map();
    this.#lastOf = new Map();
    for (const { messages, waiting } of parcels) {
      const reject = (error: unknown) => {
        for (const one of waiting) one.reject(error);
      };
      try {
        this.#send(messages).then((outcome) => {
          for (const one of waiting) one.resolve(outcome);
        }, reject);
      } catch (error) {
        reject(error);
      }
    }
  }
}
