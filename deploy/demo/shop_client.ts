import { type Clock, type IdSource, UnavailableError } from "@mesh/base";

/** What a client of the shop's HTTP API needs. */
export interface ShopClientOptions {
  /** Where the gateway is, `http://127.0.0.1:8080`. */
  readonly baseUrl: string;
  readonly clock: Clock;
  /** Draws idempotency keys. */
  readonly ids: IdSource;
  /** Sends one request; `fetch` of this process by default. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

/** One request. */
export interface ShopRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Path and query. */
  readonly path: string;
  readonly body?: unknown;
  readonly token?: string;
  /** Sent along beside those that follow from the rest. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer other than success, told by the shop in its own words (RFC 9457). */
export class ShopRefusal extends Error {
  override readonly name = "ShopRefusal";
  readonly code = "shop.refused";
  readonly status: number;
  /** Last part of the problem's type, `price-changed`; empty where there is none. */
  readonly problem: string;

  constructor(message: string, { status, problem }: { readonly status: number; readonly problem: string }) {
    super(message);
    this.status = status;
    this.problem = problem;
  }
}

/** Who logs in. */
export interface Login {
  readonly email: string;
  readonly password: string;
}

/** Somebody who is logged in. */
export interface Visitor {
  /** @returns An access token that lives for at least another minute. */
  token(): Promise<string>;
  /** Sends a request in their name. */
  ask<T>(request: Omit<ShopRequest, "token">): Promise<T>;
}

/** Speaks to the shop over HTTP and waits politely when it asks for that. */
export interface ShopClient {
  readonly baseUrl: string;
  /**
   * Sends a request, again (with the same idempotency key) when the shop is busy or away for a moment.
   *
   * @returns The body, parsed; undefined where there is none.
   * @throws {ShopRefusal} If the shop refuses.
   * @throws {UnavailableError} If nobody answers.
   */
  ask<T>(request: ShopRequest): Promise<T>;
  /** Opens a stream; its body is the caller's to read. @throws As {@link ask} does. */
  open(request: ShopRequest, signal: AbortSignal): Promise<Response>;
  /** Logs in, and again when the session grows old. @throws As {@link ask} does. */
  logIn(login: Login): Promise<Visitor>;
}

/** 15 s: what the gateway allows itself is 10. */
const requestLimitMs = 15_000;
/** Asked again so often at most, when the shop says "later"; it says when. */
const retriesMax = 5;
/** 10 s: nobody stays in front of a shop for longer. */
const retryWaitMaxMs = 10_000;

/**
 * Makes a client of the shop.
 *
 * @example
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { sequentialIds, systemClock } from "@mesh/base";
 * import { shopClient } from "./shop_client.ts";
 *
 * const client = shopClient({
 *   baseUrl: "http://shop.test",
 *   clock: systemClock,
 *   ids: sequentialIds(),
 *   fetch: () => Promise.resolve(Response.json({ items: [] })),
 * });
 * assertEquals(await client.ask({ method: "GET", path: "/v1/products" }), { items: [] });
 * ```
 */
export function shopClient(options: ShopClientOptions): ShopClient {
  const { baseUrl, clock, ids } = options;
  const send = options.fetch ?? ((url: string, init: RequestInit) => fetch(url, init));
  const open = (request: ShopRequest, signal: AbortSignal, key = ids.next()) =>
    openOnce({ baseUrl, send, request, key }, signal);
  const ask = async <T>(request: ShopRequest): Promise<T> => {
    const key = ids.next();
    for (let retries = 0;; retries += 1) {
      const response = await open(request, AbortSignal.timeout(requestLimitMs), key);
      if (response.ok) return await bodyOf<T>(response);
      const waitMs = retries < retriesMax ? waitOf(response) : undefined;
      if (waitMs === undefined) throw await refusalOf(response, request);
      await response.body?.cancel();
      await clock.delay(waitMs);
    }
  };
  return { baseUrl, ask, open, logIn: async (login) => await visitorOf({ ask, clock }, login) };
}

async function openOnce(
  { baseUrl, send, request, key }: {
    readonly baseUrl: string;
    readonly send: NonNullable<ShopClientOptions["fetch"]>;
    readonly request: ShopRequest;
    readonly key: string;
  },
  signal: AbortSignal,
): Promise<Response> {
  const { method, path, body, token, headers } = request;
  try {
    return await send(`${baseUrl}${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(method === "GET" ? {} : { "idempotency-key": key }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal,
    });
  } catch (cause) {
    throw new UnavailableError(`Cannot ${method} ${baseUrl}${path}: no answer`, { cause, dependency: "gateway" });
  }
}

async function bodyOf<T>(response: Response): Promise<T> {
  const text = await response.text();
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

/** @returns How long the shop asks to wait before the same request; `undefined` if it does not. */
function waitOf({ status, headers }: Response): number | undefined {
  const seconds = Number(headers.get("retry-after"));
  const isLater = status === 429 || status === 503 || status === 409;
  if (!isLater || !headers.has("retry-after") || !Number.isFinite(seconds)) return undefined;
  return Math.min(Math.max(seconds * 1000, 100), retryWaitMaxMs);
}

async function refusalOf(response: Response, { method, path }: ShopRequest): Promise<ShopRefusal> {
  const { status } = response;
  const text = await response.text();
  const problem = problemOf(text);
  const says = [problem.title, problem.detail, ...problem.faults].filter((part) => part !== "").join("; ");
  const message = `Cannot ${method} ${path}: status ${status}, ${says === "" ? text.slice(0, 200) : says}`;
  return new ShopRefusal(message, { status, problem: problem.type.slice(problem.type.lastIndexOf("/") + 1) });
}

function problemOf(text: string): { type: string; title: string; detail: string; faults: readonly string[] } {
  try {
    const { type = "", title = "", detail = "", errors = [] } = JSON.parse(text);
    const faults = (errors as { pointer?: string; detail?: string }[]).map((each) => `${each.pointer} ${each.detail}`);
    return { type, title, detail, faults };
  } catch {
    return { type: "", title: "", detail: "", faults: [] };
  }
}

interface Tokens {
  readonly accessToken: string;
  readonly expiresInSeconds: number;
}

/** A token is replaced when it has less than a minute left. */
const tokenMarginMs = 60_000;

async function visitorOf({ ask, clock }: Pick<ShopClient, "ask"> & { readonly clock: Clock }, login: Login) {
  const renew = async () => {
    const { accessToken, expiresInSeconds } = await ask<Tokens>({
      method: "POST",
      path: "/v1/sessions",
      body: { email: login.email, password: login.password },
    });
    return { accessToken, freshUntilMs: clock.monotonicMs() + expiresInSeconds * 1000 - tokenMarginMs };
  };
  let session = Promise.resolve(await renew());
  const token = async () => {
    const { accessToken, freshUntilMs } = await session;
    if (clock.monotonicMs() < freshUntilMs) return accessToken;
    // Everybody who comes meanwhile waits for the same new one.
    session = renew();
    return (await session).accessToken;
  };
  const visitor: Visitor = {
    token,
    ask: async <T>(request: Omit<ShopRequest, "token">) => await ask<T>({ ...request, token: await token() }),
  };
  return visitor;
}
