/** A proxy to Postgres that can swallow an answer and cut the line: the caller never learns what became of a commit. */
export class AnswerThief implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #target: URL;
  readonly #connections = new Set<Deno.Conn>();
  #isStealing = false;
  #serving: Promise<void> = Promise.resolve();

  private constructor(target: URL) {
    this.#target = target;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  }

  /** @param url What to forward to. */
  static start(url: string): Promise<AnswerThief> {
    const thief = new AnswerThief(new URL(url));
    thief.#serving = thief.#serve();
    return Promise.resolve(thief);
  }

  /** Where to connect instead. */
  get url(): string {
    const url = new URL(this.#target);
    url.host = `127.0.0.1:${this.#listener.addr.port}`;
    return url.href;
  }

  /** Swallows the next thing that the server says, and cuts that line. */
  stealNextAnswer(): void {
    this.#isStealing = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) close(connection);
    await this.#serving;
  }

  async #serve(): Promise<void> {
    const lines: Promise<void>[] = [];
    for await (const client of this.#listener) {
      const server = await Deno.connect({ hostname: this.#target.hostname, port: Number(this.#target.port) });
      this.#connections.add(client).add(server);
      lines.push(this.#forward(client, server, () => false), this.#forward(server, client, () => this.#takeTheft()));
    }
    await Promise.all(lines);
  }

  #takeTheft(): boolean {
    const isStealing = this.#isStealing;
    this.#isStealing = false;
    return isStealing;
  }

  async #forward(from: Deno.Conn, to: Deno.Conn, isStolen: () => boolean): Promise<void> {
    try {
      for await (const chunk of from.readable) {
        if (isStolen()) break;
        for (let at = 0; at < chunk.length;) at += await to.write(chunk.subarray(at));
      }
    } catch {
      // Either side has gone; the other follows.
    }
    close(from);
    close(to);
  }
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // Closed already.
  }
}
