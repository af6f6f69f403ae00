import type { Clock } from "@mesh/base";

/** One event of a stream (WHATWG HTML 9.2). */
export interface SseMessage {
  readonly event: string;
  /** One line. */
  readonly id: string;
  readonly data: unknown;
}

/** A comment: keeps proxies from closing a quiet connection. */
export const heartbeat = ": still here\n\n";

/** @returns The event as it travels. JSON has no raw line breaks, so it is one data line. */
export function encodeSse({ event, id, data }: SseMessage): string {
  return `event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** How a stream is kept in bounds. */
export interface SseOptions {
  /** Longest life in milliseconds; the client comes back by itself. */
  readonly lifeMs: number;
  readonly clock: Pick<Clock, "delay">;
  /** Called once, however the stream ends. */
  readonly onEnd: () => void;
}

/**
 * Streams text to a client at the client's pace: the next piece is made when the last one is on its way, so a client that
 * does not read costs one piece of memory and ends with its life.
 *
 * @param pieces Ends when the signal aborts: the client has gone, or the life is over.
 */
export function sseBody(
  pieces: (signal: AbortSignal) => AsyncGenerator<string, void, void>,
  { lifeMs, clock, onEnd }: SseOptions,
): ReadableStream<Uint8Array> {
  const ending = new AbortController();
  const iterator = pieces(ending.signal);
  const encoder = new TextEncoder();
  let isOver = false;
  const end = () => {
    if (isOver) return;
    isOver = true;
    ending.abort();
    onEnd();
  };
  return new ReadableStream<Uint8Array>({
    start: (controller) => {
      void clock.delay(lifeMs, ending.signal).then(() => {
        if (isOver) return;
        end();
        controller.close();
        void iterator.return(undefined);
      });
    },
    pull: async (controller) => {
      // A piece that cannot be made ends the stream: the client comes back and learns more from the answer it gets then.
      const { done, value } = await iterator.next().catch(() => ({ done: true, value: undefined }));
      if (isOver) return;
      if (done === true || value === undefined) {
        end();
        controller.close();
      } else controller.enqueue(encoder.encode(value));
    },
    cancel: async () => {
      end();
      await iterator.return(undefined);
    },
  });
}
