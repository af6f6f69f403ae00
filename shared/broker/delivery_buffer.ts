import { invariant } from "@mesh/base";
import type { Delivery } from "./broker.ts";
import type { ConsumeChannel } from "./transport.ts";

/** What the broker delivered as one message, and must be answered as one. */
interface Parcel {
  readonly channel: ConsumeChannel;
  readonly deliveryTag: number;
  readonly size: number;
  /** Deliveries without an answer. */
  openCount: number;
  /** Deliveries that were rejected for good. */
  deadCount: number;
  /** Whether a delivery was rejected otherwise. */
  isWantedAgain: boolean;
}

/** A delivery in our hands, with the way to answer it. */
interface Held {
  readonly delivery: Delivery;
  readonly parcel: Parcel;
  isRejected: boolean;
}

/** What was delivered and not yet answered, of one consumer and all its channels. */
export class DeliveryBuffer {
  /** Delivered and not yet taken. */
  #ready: Held[] = [];
  /** Taken and not yet answered, in the order of taking. */
  readonly #taken: Held[] = [];
  readonly #heldOf = new WeakMap<Delivery, Held>();
  readonly #wakers = new Set<() => void>();
  #isDrained = false;

  /** Adds what one message of the broker holds; whoever waits for a delivery wakes. */
  push(channel: ConsumeChannel, deliveries: readonly Delivery[], deliveryTag: number): void {
    const size = deliveries.length;
    const parcel = { channel, deliveryTag, size, openCount: size, deadCount: 0, isWantedAgain: false };
    for (const delivery of deliveries) {
      const held = { delivery, parcel, isRejected: false };
      this.#heldOf.set(delivery, held);
      this.#ready.push(held);
    }
    this.#wake();
  }

  /** As `Consumer.take`; `signal` ends the wait, and what is there is taken all the same. */
  async take(countMax: number, signal?: AbortSignal): Promise<readonly Delivery[]> {
    invariant(Number.isInteger(countMax) && countMax >= 1, `Cannot take deliveries: countMax is ${countMax}`);
    const isEnded = () => this.#isDrained || signal?.aborted === true;
    while (this.#ready.length === 0 && !isEnded()) await this.#nextPush(signal);
    if (this.#isDrained) return [];
    const held = this.#ready.splice(0, countMax);
    const deliveries: Delivery[] = [];
    for (const one of held) {
      this.#taken.push(one);
      deliveries.push(one.delivery);
    }
    return deliveries;
  }

  /** Gives nothing more, to those who wait now either. */
  drain(): void {
    this.#isDrained = true;
    this.#wake();
  }

  /** As `Consumer.ackThrough`. */
  ackThrough(delivery: Delivery): void {
    const at = this.#takenAt(delivery);
    if (at < 0) return;
    // Per channel the last tag that is still open: the broker knows no tag twice, and a rejected one is answered.
    const lastTags = new Map<ConsumeChannel, number>();
    for (const { parcel, isRejected } of this.#taken.splice(0, at + 1)) {
      if (isRejected) continue;
      parcel.openCount -= 1;
      if (parcel.deadCount > 0 || parcel.isWantedAgain) rejectIfAnswered(parcel);
      else if (parcel.openCount === 0) lastTags.set(parcel.channel, parcel.deliveryTag);
    }
    for (const [channel, deliveryTag] of lastTags) channel.ackThrough(deliveryTag);
    this.#trim();
  }

  /** As `Consumer.reject`. */
  reject(delivery: Delivery, isRequeued: boolean): void {
    const held = this.#taken[this.#takenAt(delivery)];
    if (held === undefined || held.isRejected) return;
    rejectOne(held, isRequeued);
    this.#trim();
  }

  /** Hands back what was delivered and not taken, in its order; what of it was taken must be answered first. */
  giveBack(): void {
    for (const held of this.#ready.splice(0)) rejectOne(held, true);
  }

  /** Drops what a closed channel delivered: it comes again. What is taken of it runs to its end, its answer is ignored. */
  forget(channel: ConsumeChannel): void {
    this.#ready = this.#ready.filter(({ parcel }) => parcel.channel !== channel);
    this.#trim();
  }

  /** One listener and no signal of its own: a service waits here before every turn of a quiet time. */
  #nextPush(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#wakers.delete(wake);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      this.#wakers.add(wake);
      signal?.addEventListener("abort", wake);
    });
  }

  #wake(): void {
    if (this.#wakers.size > 0) { for (const wake of [...this.#wakers]) wake(); }
  }

  #takenAt(delivery: Delivery): number {
    const held = this.#heldOf.get(delivery);
    return held === undefined ? -1 : this.#taken.indexOf(held);
  }

  /** Drops what needs no answer any more from the front, so that a consumer that only rejects holds nothing. */
  #trim(): void {
    const open = this.#taken.findIndex(({ parcel, isRejected }) => !isRejected && !parcel.channel.ended.aborted);
    this.#taken.splice(0, open < 0 ? this.#taken.length : open);
  }
}

function rejectOne(held: Held, isRequeued: boolean): void {
  const { parcel } = held;
  held.isRejected = true;
  parcel.openCount -= 1;
  if (isRequeued) parcel.isWantedAgain = true;
  else parcel.deadCount += 1;
  rejectIfAnswered(parcel);
}

/** To the dead letters only what is dead as a whole: what others have handled must not lie there. */
function rejectIfAnswered({ channel, deliveryTag, size, openCount, deadCount }: Parcel): void {
  if (openCount === 0) channel.reject(deliveryTag, deadCount < size);
}
