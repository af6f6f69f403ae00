import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import type { Channel } from "amqplib";

/** What we touch of amqplib's connection. It is not published: every integration test fails once a new version moves it. */
interface Connection {
  readonly stream: Duplex;
  readonly channels: ({ buffer: ChannelBuffer } | null)[];
}

/** Where amqplib writes a channel's frames. */
interface ChannelBuffer {
  write(frames: Uint8Array): boolean;
  end(): void;
}

/**
 * Gathers the frames of all channels of one connection and writes those of one turn of the event loop at once.
 *
 * amqplib leads each frame through a stream of the channel and writes it on its own: per message two passes through
 * stream machinery and a system call, a tenth of a busy service's time. What is written through here keeps its order; the
 * connection's own frames (heartbeats, the goodbye) are few and go their own way, between whole frames of ours.
 */
export class AmqpOutput {
  readonly #stream: Duplex;
  readonly #channels: Connection["channels"];
  #frames: Uint8Array[] = [];

  /** @param connection amqplib's own. */
  constructor(connection: unknown) {
    const { stream, channels } = connection as Connection;
    this.#stream = stream;
    this.#channels = channels;
  }

  /** Takes over the frames of a channel that is open, until its end. */
  attach(channel: Channel): void {
    const entry = this.#channels[(channel as unknown as { readonly ch: number }).ch]!;
    const { buffer } = entry;
    entry.buffer = {
      write: (frames) => this.#write(frames),
      end: () => buffer.end(),
    };
  }

  /** Always willing: how much may be under way is bounded by the window of confirms, not here. */
  #write(frames: Uint8Array): boolean {
    // As amqplib does it: after everything that this turn of the event loop still has to say.
    if (this.#frames.push(frames) === 1) setImmediate(() => this.#flush());
    return true;
  }

  #flush(): void {
    const frames = this.#frames;
    this.#frames = [];
    if (this.#stream.writable) this.#stream.write(frames.length === 1 ? frames[0] : Buffer.concat(frames));
  }
}
