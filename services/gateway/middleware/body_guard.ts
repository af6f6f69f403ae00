import { bodyLimit } from "hono/body-limit";
import { invalidRequest, RefusalError } from "../refusal.ts";
import type { GatewayMiddleware } from "../route_table.ts";
import { pointerOf } from "./problems.ts";

/** Largest body in bytes; an order of 100 lines has about 10 KiB. */
export const bodyBytesMax = 64 * 1024;

/** Deepest nesting of a body; ours have 3. */
export const bodyDepthMax = 16;

/** Names by which a body could reach behind an object. */
const poison = new Set(["__proto__", "constructor", "prototype"]);

/** Refuses bodies that are too large: at once where the length is announced, else while they come. */
export const limitBody: GatewayMiddleware = async (context, next) => {
  // Nobody reads the others' bodies.
  if (!hasBody(context.req.method)) return await next();
  const announced = context.req.header("content-length");
  // Where both are named the length means nothing (RFC 9112 6.3).
  if (announced === undefined || context.req.header("transfer-encoding") !== undefined) {
    return await limitStream(context, next);
  }
  if (!(Number(announced) <= bodyBytesMax)) throw tooLarge();
  await next();
};

/** Counts what comes. It opens the body as a stream, which costs more than reading it at once. */
const limitStream = bodyLimit({
  maxSize: bodyBytesMax,
  onError: () => {
    throw tooLarge();
  },
});

function tooLarge(): RefusalError {
  return new RefusalError({ status: 413, type: "too-large", title: "The request is too large" });
}

/** Refuses bodies that are no JSON, too deep, or name what no request names; runs before any schema. */
export const guardBody: GatewayMiddleware = async (context, next) => {
  const text = hasBody(context.req.method) ? await context.req.text() : "";
  if (text !== "") {
    const mediaType = context.req.header("content-type")?.split(";")[0]?.trim().toLowerCase();
    if (mediaType !== "application/json") {
      throw new RefusalError({ status: 415, type: "not-json", title: "The body must be application/json" });
    }
    inspect(parse(text), []);
  }
  await next();
};

function hasBody(method: string): boolean {
  return method !== "GET" && method !== "HEAD" && method !== "OPTIONS";
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalidRequest([{ pointer: "", detail: "is not JSON" }]);
  }
}

/** Ends at the depth limit, so it cannot run out of stack itself. */
function inspect(value: unknown, path: readonly string[]): void {
  if (typeof value !== "object" || value === null) return;
  if (path.length >= bodyDepthMax) {
    throw invalidRequest([{ pointer: "", detail: `is nested deeper than ${bodyDepthMax}` }]);
  }
  for (const [name, member] of Object.entries(value)) {
    if (poison.has(name)) throw invalidRequest([{ pointer: pointerOf([...path, name]), detail: "is unknown here" }]);
    inspect(member, [...path, name]);
  }
}
