import type { Context } from "hono";
import { errorCode, MeshError } from "@mesh/base";

/** One fault of a request: where, and what. Never the value itself. */
export interface Fault {
  /** JSON pointer (RFC 6901) into the body. */
  readonly pointer: string;
  readonly detail: string;
}

/** What a problem says (RFC 9457). */
export interface Problem {
  /** Stable word; the last part of `type`. */
  readonly reason: string;
  readonly title: string;
  readonly status: 400 | 401 | 403 | 404 | 409 | 413 | 415 | 429 | 500 | 503;
  readonly faults?: readonly Fault[];
  /** Becomes `Retry-After`. */
  readonly retryAfterSeconds?: number;
}

/** Answers with a problem document; `instance` is the trace, so that a log line can be found for it. */
export function problemResponse(context: Context, problem: Problem): Response {
  const { reason, title, status, faults, retryAfterSeconds } = problem;
  const traceId = /^00-([0-9a-f]{32})-/.exec(context.req.header("traceparent") ?? "")?.[1];
  const body = {
    type: `urn:jangteo:problem:${reason}`,
    title,
    status,
    ...(traceId === undefined ? {} : { instance: `urn:trace:${traceId}` }),
    ...(faults === undefined ? {} : { errors: faults }),
  };
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      ...(retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) }),
    },
  });
}

/** Says which problem an error is. Texts of errors stay inside: they may name tables and peers. */
export function problemOf(error: unknown): Problem {
  if (error instanceof MeshError && error.reason === "password-queue-full") {
    return { reason: "too-busy", title: "Too many requests at once", status: 429, retryAfterSeconds: 2 };
  }
  switch (errorCode(error)) {
    case "contract.invalid":
      return { reason: "invalid-request", title: "The request is not as described", status: 400 };
    case "envelope.untrusted":
      return { reason: "unauthenticated", title: "Who is calling is not proven", status: 401 };
    case "store.conflict":
      return { reason: "conflict", title: "Somebody else changed this at the same moment", status: 409 };
    case "dependency.unavailable":
      return { reason: "unavailable", title: "The service cannot answer now", status: 503, retryAfterSeconds: 5 };
    default:
      return { reason: "internal", title: "Something went wrong here", status: 500 };
  }
}
