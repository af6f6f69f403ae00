import { ContractError } from "@mesh/base";
import { type Frame, FrameReader, frameTypes, joined } from "./frame.ts";
import { ArgumentReader, type MethodId, methodsWithContent } from "./method.ts";

/** What must not be torn apart: a method with its content, or anything else alone. */
export interface Unit {
  readonly channel: number;
  /** Absent on heartbeats and on the protocol header. */
  readonly method?: MethodId;
  /** Arguments of the method. */
  readonly args: Uint8Array;
  /** Header and bodies, with their frames; empty without content. */
  readonly content: Uint8Array;
  /** All of it as it came. */
  readonly bytes: Uint8Array;
}

/** A method whose content is still under way. */
interface Pending {
  readonly frames: Frame[];
  /** Bytes of bodies that are still to come; `undefined` before the header. */
  missing: number | undefined;
}

/** Class and method. */
const idBytes = 4;
/** Where a content header tells the size of all bodies together: after class and weight. */
const bodySizeAt = 4;

/** Reads one direction of a connection. */
export class UnitReader {
  readonly #frames = new FrameReader();
  readonly #pending = new Map<number, Pending>();

  /**
   * Takes the next bytes.
   *
   * @returns Units that are whole now; those of one channel keep their order.
   * @throws {ContractError} If the bytes are no AMQP 0-9-1.
   */
  push(chunk: Uint8Array): readonly Unit[] {
    return this.#frames.push(chunk).flatMap((frame) => this.#take(frame) ?? []);
  }

  #take(frame: Frame): Unit | undefined {
    switch (frame.type) {
      case frameTypes.method:
        return this.#takeMethod(frame);
      case frameTypes.header:
      case frameTypes.body:
        return this.#takeContent(frame);
      default:
        return { channel: frame.channel, args: none, content: none, bytes: frame.bytes };
    }
  }

  #takeMethod(frame: Frame): Unit | undefined {
    if (this.#pending.has(frame.channel)) throw misplaced("a method", frame);
    if (!methodsWithContent.has(methodOf(frame))) return unitOf([frame]);
    this.#pending.set(frame.channel, { frames: [frame], missing: undefined });
    return undefined;
  }

  #takeContent(frame: Frame): Unit | undefined {
    const pending = this.#pending.get(frame.channel);
    const isHeader = frame.type === frameTypes.header;
    if (pending === undefined || isHeader !== (pending.missing === undefined)) throw misplaced("content", frame);
    pending.frames.push(frame);
    pending.missing = isHeader ? bodySizeOf(frame) : pending.missing! - frame.payload.length;
    if (pending.missing > 0) return undefined;
    this.#pending.delete(frame.channel);
    return unitOf(pending.frames);
  }
}

function unitOf(frames: readonly Frame[]): Unit {
  const [method, ...content] = frames as [Frame, ...Frame[]];
  return {
    channel: method.channel,
    method: methodOf(method),
    args: method.payload.subarray(idBytes),
    content: content.length === 0 ? none : joined(content.map(({ bytes }) => bytes)),
    bytes: content.length === 0 ? method.bytes : joined(frames.map(({ bytes }) => bytes)),
  };
}

function methodOf({ payload }: Frame): MethodId {
  const reader = new ArgumentReader(payload);
  return reader.short() * 0x1_0000 + reader.short();
}

function bodySizeOf({ payload }: Frame): number {
  return new ArgumentReader(payload.subarray(bodySizeAt)).longLong();
}

function misplaced(what: string, { channel }: Frame): ContractError {
  return new ContractError(`Cannot read ${what} on AMQP channel ${channel}: other content is under way or missing`);
}

const none = new Uint8Array();
