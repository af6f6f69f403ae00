import { systemClock } from "@mesh/base";

/** What came of a load. */
export interface LoadResult {
  readonly requestCount: number;
  readonly elapsedMs: number;
  /** Answers by status. */
  readonly statuses: ReadonlyMap<number, number>;
}

/** How a server is loaded. */
export interface LoadOptions {
  readonly port: number;
  readonly connectionCount: number;
  readonly durationMs: number;
  /** Makes one whole request, as it travels. */
  readonly next: () => Uint8Array;
}

/**
 * Asks over a fixed number of kept connections, one request after the other on each.
 *
 * By hand, because a client that does more costs more than the servers that it measures and takes the processor from them.
 */
export async function load({ port, connectionCount, durationMs, next }: LoadOptions): Promise<LoadResult> {
  const statuses = new Map<number, number>();
  const startMs = systemClock.monotonicMs();
  const endMs = startMs + durationMs;
  await Promise.all(Array.from({ length: connectionCount }, async () => {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    connection.setNoDelay(true);
    const buffer = new Uint8Array(256 * 1024);
    while (systemClock.monotonicMs() < endMs) {
      const status = await ask(connection, next(), buffer);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  }));
  const requestCount = [...statuses.values()].reduce((sum, count) => sum + count, 0);
  return { requestCount, elapsedMs: systemClock.monotonicMs() - startMs, statuses };
}

const decoder = new TextDecoder("latin1");

/** @returns The status, once the whole answer is there. */
async function ask(connection: Deno.Conn, request: Uint8Array, buffer: Uint8Array): Promise<number> {
  for (let sent = 0; sent < request.length;) sent += await connection.write(request.subarray(sent));
  let length = 0;
  let wanted = Number.POSITIVE_INFINITY;
  let status = 0;
  while (length < wanted) {
    const read = await connection.read(buffer.subarray(length));
    if (read === null) throw new Error("Cannot measure: the server closed a connection");
    length += read;
    if (status > 0) continue;
    const head = decoder.decode(buffer.subarray(0, Math.min(length, 4_096)));
    const headEnd = head.indexOf("\r\n\r\n");
    if (headEnd < 0) continue;
    status = Number(head.slice(9, 12));
    wanted = headEnd + 4 + Number(/\r\ncontent-length: (\d+)/i.exec(head.slice(0, headEnd))?.[1] ?? 0);
  }
  return status;
}
