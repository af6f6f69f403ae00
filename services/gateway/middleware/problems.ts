import type { Hook } from "@hono/zod-openapi";
import { errorCode, errorText } from "@mesh/base";
import { type Log, type Problem, problemResponse } from "@mesh/runtime";
import { HTTPException } from "hono/http-exception";
import type { GatewayContext, GatewayEnv } from "../gateway_env.ts";
import { type Fault, invalidRequest, notFound, RefusalError } from "../refusal.ts";

/** Faults that one answer lists at most. */
const faultsMax = 20;

/** @returns The problem document that stands for whatever was thrown; texts of errors stay in the log. */
export function problemFrom(error: unknown, context: GatewayContext, log: Log): Response {
  if (error instanceof RefusalError) {
    const response = answer(error.problem, context, error.faults);
    for (const [name, value] of Object.entries(error.headers)) response.headers.set(name, value);
    return response;
  }
  if (error instanceof HTTPException) return answer(fromHono(error), context);
  const problem = problemOf(error);
  if (problem.status >= 500) {
    const level = problem.status === 503 ? "warn" : "error";
    log[level]("Request failed: {method} {path}: {error}", {
      method: context.req.method,
      path: context.req.path,
      error: errorText(error),
    });
  }
  return answer(problem, context);
}

/** Turns what a schema found wrong into a problem. What a path cannot name does not exist. */
// deno-lint-ignore no-explicit-any -- the library's own type of a hook for all routes
export const refuseInvalid: Hook<any, GatewayEnv, any, any> = (result) => {
  if (result.success) return;
  if (result.target === "param") throw notFound();
  const place = result.target === "query" || result.target === "header" ? { in: result.target } as const : {};
  const faults = result.error.issues.slice(0, faultsMax).flatMap((issue): readonly Fault[] => {
    const detail = issue.message;
    // Each unknown member is a fault of its own, at its own place.
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({
        ...place,
        pointer: pointerOf([...issue.path, key]),
        detail: "is unknown here",
      }));
    }
    return [{ ...place, pointer: pointerOf(issue.path), detail }];
  });
  throw invalidRequest(faults.slice(0, faultsMax));
};

/** @returns JSON pointer (RFC 6901) to a part of a document. */
export function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

function answer(problem: Problem, context: GatewayContext, faults: readonly Fault[] = []): Response {
  const traceId = /^00-([0-9a-f]{32})-/.exec(context.req.header("traceparent") ?? "")?.[1];
  const response = problemResponse(problem, {
    ...(traceId === undefined ? {} : { instance: `urn:trace:${traceId}` }),
    ...(faults.length === 0 ? {} : { errors: faults }),
  });
  // RFC 6750 3: how to do better.
  if (problem.status === 401) response.headers.set("www-authenticate", 'Bearer realm="jangteo"');
  return response;
}

function problemOf(error: unknown): Problem {
  switch (errorCode(error)) {
    case "envelope.untrusted":
      return { status: 401, type: "unauthenticated", title: "There is no valid access token" };
    case "store.conflict":
      return { status: 409, type: "conflict", title: "Somebody else changed this at the same moment" };
    case "dependency.unavailable":
      return { status: 503, type: "unavailable", title: "The shop cannot answer this now", retryAfterSeconds: 2 };
    default:
      return { status: 500, type: "internal", title: "Something went wrong here" };
  }
}

function fromHono({ status }: HTTPException): Problem {
  if (status === 415) return { status, type: "not-json", title: "The body must be application/json" };
  if (status === 413) return { status, type: "too-large", title: "The request is too large" };
  return { status: 400, type: "invalid-request", title: "The request is not as described" };
}
