import { type RouteConfig, z } from "@hono/zod-openapi";
import { problemDescriptions, ProblemDocument } from "./problem_document.ts";

/** Who may call a route: everybody, or holders of a token with that scope. */
export type Scope = "public" | "shop" | "staff" | "audit";

export type Method = "get" | "post" | "put" | "delete";

/** Schemas of what a request may carry. */
export type RequestParts = NonNullable<RouteConfig["request"]>;

/** One good answer. */
export interface Answer {
  readonly description: string;
  /** Absent where there is no body. */
  readonly schema?: z.ZodType;
  /** Default `application/json`. */
  readonly mediaType?: string;
  /** Headers, each with its description. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A route as it is declared: everything that the document, the validation and the access check need. */
export interface RouteOptions<P extends string, M extends Method, Q extends RequestParts> {
  readonly method: M;
  /** With parameters in braces. */
  readonly path: P;
  readonly scope: Scope;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly request?: Q;
  /** Good answers by status. */
  readonly answers: Readonly<Record<number, Answer>>;
  /** Problems beside those that follow from scope, body and limits. */
  readonly problems?: readonly number[];
}

/** What the library reads the types of a handler's input from. */
export type TypedConfig<P extends string, M extends Method, Q extends RequestParts> = {
  method: M;
  path: P;
  request: Q;
  responses: { 200: { description: string } };
  [extension: `x-${string}`]: unknown;
};

/** A declared route. Its handler may answer with any response. */
export interface DescribedRoute<P extends string, M extends Method, Q extends RequestParts> {
  readonly method: M;
  readonly path: P;
  readonly scope: Scope;
  readonly config: TypedConfig<P, M, Q>;
}

/** Declares a route. */
export function describeRoute<
  const P extends string,
  const M extends Method,
  Q extends RequestParts = Record<never, never>,
>(options: RouteOptions<P, M, Q>): DescribedRoute<P, M, Q> {
  const { method, path, scope, tag, summary, description, request, answers, problems = [] } = options;
  const config = {
    method,
    path,
    tags: [tag],
    summary,
    operationId: operationIdOf(method, path),
    ...(description === undefined ? {} : { description }),
    ...(request === undefined ? {} : { request }),
    security: scope === "public" ? [] : [{ accessToken: [scope] }],
    responses: {
      ...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, responseOf(answer)])),
      ...problemResponses([...problems, ...usualProblems(scope, request)]),
    },
  };
  // The library types answers one by one; ours are made in one place and typed there.
  return { method, path, scope, config: config as unknown as TypedConfig<P, M, Q> };
}

/** A JSON body that must be there. */
export function jsonBody<S extends z.ZodType>(schema: S) {
  return { required: true, content: { "application/json": { schema } } } as const;
}

function usualProblems(scope: Scope, request: RequestParts | undefined): readonly number[] {
  return [
    429,
    503,
    ...(scope === "public" ? [] : [401, 403]),
    ...(request?.body === undefined ? [] : [400, 413, 415]),
    ...(request?.query === undefined && request?.headers === undefined ? [] : [400]),
    ...(request?.params === undefined ? [] : [404]),
  ];
}

function responseOf({ description, schema, mediaType = "application/json", headers }: Answer) {
  return {
    description,
    ...(schema === undefined ? {} : { content: { [mediaType]: { schema } } }),
    ...(headers === undefined ? {} : {
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, text]) => [name, { description: text, schema: { type: "string" } }]),
      ),
    }),
  };
}

function problemResponses(statuses: readonly number[]) {
  return Object.fromEntries(
    [...new Set(statuses)].sort().map((status) => [status, {
      description: problemDescriptions[status] ?? "A problem",
      content: { "application/problem+json": { schema: ProblemDocument } },
    }]),
  );
}

/** `POST /v1/orders/{orderId}/cancellation` becomes `post-orders-orderId-cancellation`. */
function operationIdOf(method: string, path: string): string {
  const words = path.replace(/^\/v1/, "").split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  return [method, ...words].join("-");
}
