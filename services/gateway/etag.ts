import { sha256 } from "@mesh/base";
import type { GatewayContext } from "./gateway_env.ts";

/**
 * Answers a GET with JSON and an ETag, or with 304 where the client has it already.
 *
 * The tag is a hash of what is sent and not the row's revision: a read model that is built anew counts its revisions
 * from one, and a tag must never name two contents.
 *
 * @param headers Further headers of the answer.
 */
export function answerWithEtag(
  context: GatewayContext,
  document: unknown,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const body = JSON.stringify(document);
  const etag = etagOf(body);
  const isKnown = matches(context.req.header("if-none-match"), etag);
  const cacheControl = isPublic(context) ? "public, no-cache" : "private, no-cache";
  const about = { ...headers, etag, "cache-control": cacheControl };
  if (isKnown) return new Response(null, { status: 304, headers: about });
  return new Response(body, { headers: { ...about, "content-type": "application/json" } });
}

/** @returns The entity tag of a document's text, with its quotes. */
export function etagOf(body: string): string {
  return `"${sha256(body).slice(0, 22)}"`;
}

/** Compares a list of tags (RFC 9110 8.8.3.2, weakly) with one. */
export function matches(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  return header.split(",").map((each) => each.trim().replace(/^W\//, "")).some((each) => each === "*" || each === tag);
}

function isPublic(context: GatewayContext): boolean {
  return context.get("account") === undefined;
}
