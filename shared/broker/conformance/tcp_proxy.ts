/** One forwarded connection. */
interface Pair {
  readonly client: Deno.TcpConn;
  readonly server: Deno.TcpConn;
}

/** Forwards TCP connections to a server and can hold, cut or add to what flows; for tests of lost connections. */
export class TcpProxy implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #target: Deno.ConnectOptions;
  readonly #pairs = new Set<Pair>();
  readonly #tasks = new Set<Promise<void>>();
  #release: PromiseWithResolvers<void> | undefined;

  /** @param target Where the server listens. */
  constructor(target: { readonly hostname: string; readonly port: number }) {
    this.#target = { hostname: target.hostname, port: target.port };
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#track(this.#accept());
  }

  /** Where clients connect to. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /** Keeps back whatever the server sends until {@link release} or {@link cut}. */
  hold(): void {
    this.#release ??= Promise.withResolvers();
  }

  /** Lets flow what was held. */
  release(): void {
    this.#release?.resolve();
    this.#release = undefined;
  }

  /** Ends every connection, without a word to either side. */
  cut(): void {
    for (const { client, server } of [...this.#pairs]) {
      closeQuietly(client);
      closeQuietly(server);
    }
    this.release();
  }

  /** Sends bytes to every client as if the server had; the server must be silent meanwhile. */
  async inject(bytes: Uint8Array): Promise<void> {
    for (const { client } of [...this.#pairs]) await writeAll(client, bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.cut();
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) this.#track(this.#forward(client));
  }

  async #forward(client: Deno.TcpConn): Promise<void> {
    let server: Deno.TcpConn;
    try {
      server = await Deno.connect({ ...this.#target, port: this.#target.port });
    } catch {
      return closeQuietly(client);
    }
    client.setNoDelay();
    server.setNoDelay();
    const pair = { client, server };
    this.#pairs.add(pair);
    await Promise.all([this.#pump(client, server, () => undefined), this.#pump(server, client, () => this.#release)]);
    this.#pairs.delete(pair);
  }

  async #pump(
    from: Deno.TcpConn,
    to: Deno.TcpConn,
    held: () => PromiseWithResolvers<void> | undefined,
  ): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    try {
      for (;;) {
        const count = await from.read(buffer);
        if (count === null) break;
        await held()?.promise;
        await writeAll(to, buffer.subarray(0, count));
      }
    } catch {
      // Cut by us or by either side: the same to the other side.
    }
    closeQuietly(from);
    closeQuietly(to);
  }

  #track(task: Promise<void>): void {
    const tracked = task.finally(() => this.#tasks.delete(tracked));
    this.#tasks.add(tracked);
  }
}

async function writeAll(conn: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

function closeQuietly(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch {
    // Closed already.
  }
}
