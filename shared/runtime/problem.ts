/** A problem document; see RFC 9457. */
export interface Problem {
  readonly status: number;
  /** Short, the same for every occurrence. */
  readonly title: string;
  /** Last part of the type URI, kebab-case. */
  readonly type: string;
  /** What happened this time; nothing internal. */
  readonly detail?: string;
  /** Seconds to wait before the next try. */
  readonly retryAfterSeconds?: number;
}

/** Type URIs are stable names; nothing needs to answer there. */
const typeBase = "urn:jangteo:problem:";

/**
 * Answers with a problem document.
 *
 * @param problem What went wrong.
 * @param more Members beside the standard ones, for example `errors`.
 * @returns `application/problem+json`.
 */
export function problemResponse(problem: Problem, more: Readonly<Record<string, unknown>> = {}): Response {
  const { status, title, type, detail, retryAfterSeconds } = problem;
  const headers = new Headers({ "content-type": "application/problem+json", "cache-control": "no-store" });
  if (retryAfterSeconds !== undefined) headers.set("retry-after", String(retryAfterSeconds));
  const body = { type: `${typeBase}${type}`, title, status, ...(detail === undefined ? {} : { detail }), ...more };
  return new Response(JSON.stringify(body), { status, headers });
}
