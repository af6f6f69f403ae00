import { ContractError } from "@mesh/base";

/**
 * Octet that ends every frame.
 *
 * @see AMQP 0-9-1, 4.2.3
 */
export const frameEnd = 0xce;

/** Frame types; the protocol header, which has no frame around it, goes by its first letter. */
export const frameTypes = Object.freeze({ method: 1, header: 2, body: 3, heartbeat: 8, protocolHeader: 0x41 });

/** Bytes of "AMQP" and a version: all that a peer says outside of frames. */
const protocolHeaderBytes = 8;
/** Type, channel and size before the payload. */
const headBytes = 7;

/** One frame, or the protocol header. */
export interface Frame {
  readonly type: number;
  readonly channel: number;
  readonly payload: Uint8Array;
  /** As it came, with head and end. */
  readonly bytes: Uint8Array;
}

/** Cuts a stream of bytes into frames, however the network has cut it. */
export class FrameReader {
  #rest: Uint8Array = new Uint8Array();

  /**
   * Takes the next bytes of the stream.
   *
   * @param chunk May end in the middle of a frame.
   * @returns Frames that are whole now, in their order.
   * @throws {ContractError} If a frame does not end where its size says; nothing after that can be read.
   */
  push(chunk: Uint8Array): readonly Frame[] {
    const bytes = this.#rest.length === 0 ? chunk.slice() : joined([this.#rest, chunk]);
    const frames: Frame[] = [];
    let at = 0;
    for (;;) {
      const frame = frameAt(bytes, at);
      if (frame === undefined) break;
      frames.push(frame);
      at += frame.bytes.length;
    }
    this.#rest = bytes.subarray(at);
    return frames;
  }
}

/** Puts bytes one after the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Writes one frame. */
export function encodeFrame(type: number, channel: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(headBytes + payload.length + 1);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, type);
  view.setUint16(1, channel);
  view.setUint32(3, payload.length);
  bytes.set(payload, headBytes);
  bytes[bytes.length - 1] = frameEnd;
  return bytes;
}

function frameAt(bytes: Uint8Array, at: number): Frame | undefined {
  const left = bytes.length - at;
  const type = bytes[at];
  if (type === frameTypes.protocolHeader) {
    if (left < protocolHeaderBytes) return undefined;
    const whole = bytes.subarray(at, at + protocolHeaderBytes);
    return { type, channel: 0, payload: whole, bytes: whole };
  }
  if (type === undefined || left < headBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at);
  const size = view.getUint32(3);
  if (left < headBytes + size + 1) return undefined;
  const whole = bytes.subarray(at, at + headBytes + size + 1);
  const end = whole[whole.length - 1];
  if (end !== frameEnd) throw new ContractError(`Cannot read an AMQP frame of type ${type}: it ends in ${end}`);
  return { type, channel: view.getUint16(1), payload: whole.subarray(headBytes, -1), bytes: whole };
}
