import { type Clock, systemClock } from "@mesh/base";
import { type FaultDurations, type FaultName, type FaultRates, FaultSource } from "./fault.ts";
import { joined } from "./frame.ts";
import type { Direction } from "./line.ts";
import { ProxiedConnection } from "./proxied_connection.ts";

/** Where to go on to, and what is to go wrong on the way. */
export interface AmqpProxyOptions {
  /** Where the broker listens. */
  readonly target: { readonly hostname: string; readonly port: number };
  /** The same seed draws the same faults from the same occasions; the order of those is the network's. */
  readonly seed: number;
  /** No fault by itself when absent. */
  readonly rates?: FaultRates;
  readonly durations?: Partial<FaultDurations>;
  /**
   * Longest interval of heartbeats that client and broker agree on, in seconds; what the broker proposes when absent. A
   * short one lets stalls be noticed soon.
   */
  readonly heartbeatMaxSeconds?: number;
  /** The machine's when absent. */
  readonly clock?: Clock;
}

/** Two sockets that belong together. */
interface Pair {
  readonly "to-client": SocketWriter;
  readonly "to-broker": SocketWriter;
}

/**
 * Stands between AMQP 0-9-1 clients and RabbitMQ, on loopback and without TLS, and lets go wrong what goes wrong between
 * them: it reads frames in both directions, passes on whole methods with their content, and commits faults that look to
 * the client as if the broker or the network had committed them. Both sides stay in step: a channel that the client hears
 * is closed is closed at the broker, too.
 *
 * @example A publisher whose next confirm never comes
 * ```ts ignore
 * import { AmqpProxy, proxiedUrl } from "@mesh/testing/amqp-proxy";
 *
 * await using proxy = new AmqpProxy({ target: { hostname: "127.0.0.1", port: 5672 }, seed: 1 });
 * const url = proxiedUrl("amqp://orders:secret@127.0.0.1:5672/mesh", proxy);
 * proxy.order("drop-confirm");
 * ```
 */
export class AmqpProxy implements AsyncDisposable {
  readonly #options: AmqpProxyOptions;
  readonly #faults: FaultSource;
  readonly #listener: Deno.TcpListener;
  readonly #pairs = new Set<Pair>();
  readonly #connections = new Set<ProxiedConnection>();
  readonly #tasks = new Set<Promise<void>>();

  /** Listens at once. */
  constructor(options: AmqpProxyOptions) {
    this.#options = options;
    this.#faults = new FaultSource(options.seed, options.rates, options.durations);
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#track(this.#accept());
  }

  /** Where clients connect to, on 127.0.0.1. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /** How often each fault has done what its name says. */
  get fired(): Readonly<Record<FaultName, number>> {
    return this.#faults.fired;
  }

  /** Replaces the chances of all faults; `{}` ends them. */
  setRates(rates: FaultRates): void {
    this.#faults.setRates(rates);
  }

  /** Lets a fault strike at the next occasion that there is for it. */
  order(fault: FaultName): void {
    this.#faults.order(fault);
  }

  /** Ends every connection and listens no more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    // What holds them back, a stall for example, would outlive their sockets.
    for (const connection of this.#connections) connection.end();
    for (const pair of this.#pairs) {
      pair["to-client"].close();
      pair["to-broker"].close();
    }
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) this.#track(this.#serve(client));
  }

  async #serve(client: Deno.TcpConn): Promise<void> {
    const broker = await Deno.connect({ ...this.#options.target }).catch(() => undefined);
    if (broker === undefined) return client.close();
    client.setNoDelay();
    broker.setNoDelay();
    const pair: Pair = { "to-client": new SocketWriter(client), "to-broker": new SocketWriter(broker) };
    this.#pairs.add(pair);
    const { heartbeatMaxSeconds, clock = systemClock } = this.#options;
    const connection = new ProxiedConnection({
      faults: this.#faults,
      clock,
      write: (direction, bytes) => pair[direction].write(bytes),
      end: (direction) => pair[direction].end(),
      ...(heartbeatMaxSeconds === undefined ? {} : { heartbeatMaxSeconds }),
    });
    this.#connections.add(connection);
    await Promise.all([read(client, connection, "to-broker"), read(broker, connection, "to-client")]);
    await Promise.all([pair["to-client"].closed, pair["to-broker"].closed]);
    this.#pairs.delete(pair);
    this.#connections.delete(connection);
  }

  #track(task: Promise<void>): void {
    const tracked = task.finally(() => this.#tasks.delete(tracked));
    this.#tasks.add(tracked);
  }
}

/** The same URL, through a proxy. */
export function proxiedUrl(url: string, { port }: Pick<AmqpProxy, "port">): string {
  const through = new URL(url);
  through.hostname = "127.0.0.1";
  through.port = String(port);
  return through.href;
}

async function read(socket: Deno.TcpConn, connection: ProxiedConnection, direction: Direction): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  try {
    for (;;) {
      const count = await socket.read(buffer);
      if (count === null) break;
      connection.take(direction, buffer.subarray(0, count));
    }
  } catch {
    // Ended by us or reset by its peer: over in either case.
  }
  connection.finish(direction);
}

/** Writes to a socket in order, everything of one turn of the event loop at once. */
class SocketWriter {
  readonly #socket: Deno.TcpConn;
  readonly #closed = Promise.withResolvers<void>();
  #queue: Uint8Array[] = [];
  #isWriting = false;
  #isEnding = false;

  constructor(socket: Deno.TcpConn) {
    this.#socket = socket;
  }

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  write(bytes: Uint8Array): void {
    this.#queue.push(bytes);
    void this.#flush();
  }

  /** Closes the socket once everything is written. */
  end(): void {
    this.#isEnding = true;
    void this.#flush();
  }

  close(): void {
    try {
      this.#socket.close();
    } catch {
      // Closed already.
    }
    this.#closed.resolve();
  }

  async #flush(): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    await Promise.resolve();
    try {
      while (this.#queue.length > 0) {
        const bytes = joined(this.#queue);
        this.#queue = [];
        for (let at = 0; at < bytes.length;) at += await this.#socket.write(bytes.subarray(at));
      }
    } catch {
      // The peer is gone; its reader says so.
      this.#queue = [];
      this.#isEnding = true;
    }
    this.#isWriting = false;
    if (this.#isEnding) this.close();
  }
}
