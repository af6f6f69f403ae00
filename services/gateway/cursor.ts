import { Buffer } from "node:buffer";
import type { z } from "@hono/zod-openapi";
import { invalidRequest } from "./refusal.ts";

/** Lists that have cursors. */
export type CursorList = "products" | "orders";

/**
 * Writes where a list goes on. Opaque for clients; needs no secret, because the owner is part of the query and a forged
 * one shows nothing that a new list would not.
 */
export function encodeCursor(list: CursorList, key: string): string {
  return Buffer.from(`${list}:${key}`).toString("base64url");
}

/**
 * Reads a cursor.
 *
 * @param schema Of the key in it.
 * @throws {RefusalError} If it is none of this list.
 */
export function decodeCursor(cursor: string, list: CursorList, schema: z.ZodType<string>): string {
  const text = Buffer.from(cursor, "base64url").toString();
  const key = text.startsWith(`${list}:`) ? schema.safeParse(text.slice(list.length + 1)) : undefined;
  if (key?.success !== true || encodeCursor(list, key.data) !== cursor) {
    throw invalidRequest([{ in: "query", pointer: "/cursor", detail: "is no cursor of this list" }]);
  }
  return key.data;
}

/** @returns A `Link` header that leads to the next page, relative to the origin. */
export function nextLink(requestUrl: string, cursor: string): string {
  const url = new URL(requestUrl);
  url.searchParams.set("cursor", cursor);
  return `<${url.pathname}${url.search}>; rel="next"`;
}
