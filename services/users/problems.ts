import type { Context } from "hono";
import { errorCode, MeshError } from "@mesh/base";
import { type Problem, problemResponse } from "@mesh/runtime";

/** One fault of a request: where, and what. Never the value itself. */
export interface Fault {
  /** JSON pointer (RFC 6901) into the body. */
  readonly pointer: string;
  readonly detail: string;
}

/** Answers with a problem document; `instance` is the trace, so that a log line can be found for it. */
export function answerProblem(context: Context, problem: Problem, faults?: readonly Fault[]): Response {
  const traceId = /^00-([0-9a-f]{32})-/.exec(context.req.header("traceparent") ?? "")?.[1];
  return problemResponse(problem, {
    ...(traceId === undefined ? {} : { instance: `urn:trace:${traceId}` }),
    ...(faults === undefined ? {} : { errors: faults }),
  });
}

/** Says which problem an error is. Texts of errors stay inside: they may name tables and peers. */
export function problemOf(error: unknown): Problem {
  if (error instanceof MeshError && error.reason === "password-queue-full") {
    return { type: "too-busy", title: "Too many requests at once", status: 429, retryAfterSeconds: 2 };
  }
  switch (errorCode(error)) {
    case "contract.invalid":
      return { type: "malformed", title: "Request is malformed", status: 400 };
    case "envelope.untrusted":
      return { type: "unauthenticated", title: "Not authenticated", status: 401 };
    case "store.conflict":
      return { type: "conflict", title: "Conflict", status: 409 };
    case "dependency.unavailable":
      return { type: "unavailable", title: "Not available now", status: 503, retryAfterSeconds: 2 };
    default:
      return { type: "internal", title: "Internal error", status: 500 };
  }
}
