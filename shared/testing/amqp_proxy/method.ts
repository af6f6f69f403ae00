import { encodeFrame, frameTypes } from "./frame.ts";

/** Class and method in one number, as in the first four bytes of a method frame. */
export type MethodId = number;

const id = (classId: number, methodId: number): MethodId => classId * 0x1_0000 + methodId;

/**
 * Methods that the proxy knows; all others pass.
 *
 * @see AMQP 0-9-1, 1.2 to 1.9, with RabbitMQ's extensions: confirm.select, basic.nack, connection.blocked
 */
export const methods = Object.freeze({
  connectionStartOk: id(10, 11),
  connectionTune: id(10, 30),
  connectionOpenOk: id(10, 41),
  connectionClose: id(10, 50),
  connectionCloseOk: id(10, 51),
  connectionBlocked: id(10, 60),
  connectionUnblocked: id(10, 61),
  channelOpen: id(20, 10),
  channelClose: id(20, 40),
  channelCloseOk: id(20, 41),
  basicConsumeOk: id(60, 21),
  basicCancel: id(60, 30),
  basicCancelOk: id(60, 31),
  basicPublish: id(60, 40),
  basicReturn: id(60, 50),
  basicDeliver: id(60, 60),
  basicGetOk: id(60, 71),
  basicAck: id(60, 80),
  basicReject: id(60, 90),
  basicNack: id(60, 120),
  confirmSelect: id(85, 10),
});

/** Methods that a header and bodies follow. */
export const methodsWithContent: ReadonlySet<MethodId> = new Set([
  methods.basicPublish,
  methods.basicReturn,
  methods.basicDeliver,
  methods.basicGetOk,
]);

/** Reads the arguments of a method one after the other. */
export class ArgumentReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  /** @param bytes What follows class and method. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  octet(): number {
    return this.#view.getUint8(this.#step(1));
  }

  short(): number {
    return this.#view.getUint16(this.#step(2));
  }

  /** Delivery tags count from 1 on each channel and stay far below 2^53. */
  longLong(): number {
    return Number(this.#view.getBigUint64(this.#step(8)));
  }

  shortText(): string {
    const size = this.octet();
    const at = this.#step(size);
    return decoder.decode(this.#bytes.subarray(at, at + size));
  }

  #step(size: number): number {
    const at = this.#at;
    this.#at += size;
    return at;
  }
}

/** One argument on its way out. */
export type Argument =
  | { readonly octet: number }
  | { readonly short: number }
  | { readonly longLong: number }
  | { readonly shortText: string };

/** Writes a method frame. */
export function encodeMethod(channel: number, method: MethodId, args: readonly Argument[] = []): Uint8Array {
  const bytes = [method >>> 24, method >>> 16, method >>> 8, method].map((byte) => byte & 0xff);
  for (const argument of args) bytes.push(...encodeArgument(argument));
  return encodeFrame(frameTypes.method, channel, new Uint8Array(bytes));
}

function encodeArgument(argument: Argument): readonly number[] {
  if ("octet" in argument) return [argument.octet];
  if ("short" in argument) return [argument.short >>> 8, argument.short & 0xff];
  if ("shortText" in argument) {
    const text = encoder.encode(argument.shortText).subarray(0, 255);
    return [text.length, ...text];
  }
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(argument.longLong));
  return [...bytes];
}

/** `channel.close` or `connection.close`; the method at fault is left open, as for faults that no method caused. */
export function encodeClose(channel: number, { code, text }: Closing): Uint8Array {
  const method = channel === 0 ? methods.connectionClose : methods.channelClose;
  return encodeMethod(channel, method, [{ short: code }, { shortText: text }, { short: 0 }, { short: 0 }]);
}

/** Why something is closed. */
export interface Closing {
  readonly code: number;
  readonly text: string;
}

/** `basic.ack` or `basic.nack` as the answer to a publish. */
export function encodeConfirm(channel: number, { tag, isMultiple, isNack }: Confirm): Uint8Array {
  return encodeMethod(channel, isNack ? methods.basicNack : methods.basicAck, [
    { longLong: tag },
    { octet: isMultiple ? 1 : 0 },
  ]);
}

/** An answer to one publish, or to all up to one. */
export interface Confirm {
  readonly tag: number;
  readonly isMultiple: boolean;
  readonly isNack: boolean;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
