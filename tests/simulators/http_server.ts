import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Server } from "node:net";
import { ConfigError } from "@mesh/base";

/** Answers one request; what a Hono app's `fetch` is. */
export type Answer = (request: Request) => Response | Promise<Response>;

/** A listening simulator. Disposing it closes the port and every open connection. */
export interface RunningServer extends AsyncDisposable {
  /** The port that was bound, also where 0 was asked for. */
  readonly port: number;
  /** `http://127.0.0.1:<port>`, without a slash at the end. */
  readonly url: string;
}

/** Simulators are open to whoever reaches them, so they stay on this machine unless told otherwise. */
const loopback = "127.0.0.1";

/** No request that the shop sends to an external party comes near this size. */
const bodyMaxBytes = 256 * 1024;

/** Marks an answer that must not reach the client; a header, because it survives every wrapper around a response. */
const droppedHeader = "simulator-answer-dropped";

/** @returns An answer that the client cannot read: the server closes the connection in the middle of it. */
export function droppedAnswer(): Response {
  return new Response(null, { headers: { [droppedHeader]: "yes" } });
}

/**
 * Serves over HTTP and can lose an answer.
 *
 * It stands on `node:http` because `Deno.serve` gives no way to close one connection. An answer is lost after its head:
 * if the connection closes before that, Deno's `fetch` silently sends the request again, a `POST` too
 * (denoland/deno#35610), and the client would never notice.
 *
 * @param answer Answers a request.
 * @param port The port to bind; 0 takes a free one.
 * @param host The address to bind; every process of this machine may reach it, and nobody else, by default.
 * @returns The listening server.
 * @throws {ConfigError} If the port cannot be bound, for example because it is taken.
 */
export async function serveHttp(answer: Answer, port: number, host: string = loopback): Promise<RunningServer> {
  const server = createServer((incoming, outgoing) => {
    respond(answer, incoming, outgoing).catch(() => incoming.socket.destroy());
  });
  const boundPort = await listen(server, port, host);
  return {
    port: boundPort,
    url: `http://127.0.0.1:${boundPort}`,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/**
 * Binds a server to a port.
 *
 * @param server Any server of `node:net` or `node:http`.
 * @param port The port; 0 takes a free one.
 * @param host The address.
 * @returns The port that was bound.
 * @throws {ConfigError} If it cannot be bound.
 */
export function listen(server: Server, port: number, host: string = loopback): Promise<number> {
  return new Promise((resolve, reject) => {
    const refuse = (error: Error & { readonly code?: string }) => {
      const found = error.code === "EADDRINUSE" ? "the port is taken" : error.message;
      reject(new ConfigError(`Cannot listen on ${host}:${port}: ${found}`, { cause: error }));
    };
    server.once("error", refuse);
    server.listen(port, host, () => {
      server.off("error", refuse);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

async function respond(answer: Answer, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const body = await readBody(incoming);
  if (body === undefined) {
    outgoing.writeHead(413).end();
    return;
  }
  const method = incoming.method ?? "GET";
  const response = await answer(
    new Request(`http://${incoming.headers.host ?? "127.0.0.1"}${incoming.url ?? "/"}`, {
      method,
      headers: headersOf(incoming),
      ...(method === "GET" || method === "HEAD" ? {} : { body }),
    }),
  );
  if (response.headers.has(droppedHeader)) {
    outgoing.writeHead(200, { "content-type": "application/json", "content-length": "2" });
    outgoing.write("{", () => incoming.socket.destroy());
    return;
  }
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  outgoing.end(new Uint8Array(await response.arrayBuffer()));
}

async function readBody(incoming: IncomingMessage): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const chunks: Uint8Array[] = [];
  let bodyBytes = 0;
  for await (const chunk of incoming as AsyncIterable<Uint8Array>) {
    bodyBytes += chunk.byteLength;
    if (bodyBytes > bodyMaxBytes) return undefined;
    chunks.push(chunk);
  }
  const body = new Uint8Array(bodyBytes);
  let offset = 0;
  for (const chunk of chunks) {
    body.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return body;
}

function headersOf(incoming: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined) headers.append(name, one);
  }
  return headers;
}
