import type { Problem } from "@mesh/runtime";

/** One fault of a request: where, and what. Never the value itself. */
export interface Fault {
  /** JSON pointer (RFC 6901) into the body, or into the query or path where `in` says so. */
  readonly pointer: string;
  readonly detail: string;
  /** Absent for the body. */
  readonly in?: "query" | "path" | "header";
}

/** What a refusal says beside the problem itself. */
export interface RefusalOptions {
  readonly faults?: readonly Fault[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request that is refused on purpose; it ends as its problem document. */
export class RefusalError extends Error {
  override readonly name = "RefusalError";
  readonly problem: Problem;
  readonly faults: readonly Fault[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(problem: Problem, options: RefusalOptions = {}) {
    super(problem.title);
    this.problem = problem;
    this.faults = options.faults ?? [];
    this.headers = options.headers ?? {};
  }
}

/** Nothing here, or nothing that the caller may know of. */
export function notFound(): RefusalError {
  return new RefusalError({ status: 404, type: "not-found", title: "There is nothing here" });
}

/** The request is not as described. */
export function invalidRequest(faults: readonly Fault[]): RefusalError {
  return new RefusalError({ status: 400, type: "invalid-request", title: "The request is not as described" }, {
    faults,
  });
}

/**
 * Something that is needed is away.
 *
 * @param retryAfterSeconds When to try again.
 */
export function unavailable(retryAfterSeconds: number): RefusalError {
  return new RefusalError({
    status: 503,
    type: "unavailable",
    title: "The shop cannot answer this now",
    retryAfterSeconds,
  });
}
