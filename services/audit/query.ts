import { z } from "zod";
import { ContractError } from "@mesh/base";
import type { EntryQuery, Place } from "./audit_store.ts";

/** A question as it was asked, with what it means to the store. */
export interface EventsQuery {
  /** What it was narrowed to, in the words of the request; for the record of the reading. */
  readonly filters: Readonly<Record<string, string>>;
  readonly query: EntryQuery;
}

/**
 * Reads the query of `GET /audit/v1/events`.
 *
 * @param parameters As received; a repeated one has several entries.
 * @throws {ContractError} If one is unknown, repeated or malformed, or nothing narrows the reading.
 *
 * @example An order's events, ten at a time
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { readEventsQuery } from "./query.ts";
 *
 * const order = "0198d6f0-0000-7000-8000-000000000001";
 * const { filters, query } = readEventsQuery(new URLSearchParams({ order, limit: "10" }));
 * assertEquals(filters, { order });
 * assertEquals(query, { correlation: order, limit: 10 });
 * ```
 */
export function readEventsQuery(parameters: URLSearchParams): EventsQuery {
  const given = [...parameters];
  const repeated = given.find(([name], at) => given.findIndex(([other]) => other === name) !== at);
  if (repeated !== undefined) throw malformed(repeated[0], "is given twice");
  const parsed = schema.safeParse(Object.fromEntries(given));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const name = issue?.code === "unrecognized_keys" ? issue.keys[0] : issue?.path.join(".");
    throw malformed(name ?? "", issue?.code === "unrecognized_keys" ? "is unknown" : issue?.message ?? "is malformed");
  }
  const { cursor, limit, order, from, to, ...columns } = parsed.data;
  if (order !== undefined && columns.correlation !== undefined && columns.correlation !== order) {
    throw malformed("correlation", "contradicts order, which is the correlation of the order's flow");
  }
  const filters = definedOf({ order, from, to, ...columns });
  if (Object.keys(filters).length === 0) throw malformed("", "ask for something: one filter, or a time");
  return {
    filters,
    query: {
      limit,
      ...definedOf(columns),
      ...(order === undefined ? {} : { correlation: order }),
      ...(from === undefined ? {} : { fromMs: Date.parse(from) }),
      ...(to === undefined ? {} : { toMs: Date.parse(to) }),
      ...(cursor === undefined ? {} : { after: decodePlace(cursor) }),
    },
  };
}

/** @returns Whether the text has the form of an event's id. */
export function isEventId(text: string): boolean {
  return idForm.test(text);
}

/** Writes a place as a cursor, which says nothing to its holder. */
export function encodePlace({ recordedAtMs, position }: Place): string {
  return new TextEncoder().encode(`${recordedAtMs}.${position}`).toBase64({ alphabet: "base64url", omitPadding: true });
}

function decodePlace(cursor: string): Place {
  let text = "";
  try {
    text = new TextDecoder().decode(Uint8Array.fromBase64(cursor, { alphabet: "base64url" }));
  } catch {
    // Refused below.
  }
  const match = /^(\d{1,15})\.(\d{1,15})$/.exec(text);
  if (match === null) throw malformed("cursor", "is none that was given out here");
  return { recordedAtMs: Number(match[1]), position: Number(match[2]) };
}

function definedOf<T extends Record<string, string | undefined>>(given: T): { [K in keyof T]?: string } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: string;
  };
}

function malformed(name: string, why: string): ContractError {
  return new ContractError(`Cannot read query: ${name === "" ? "" : `"${name}" `}${why}`, { reason: "query" });
}

const idForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Without `@` and spaces: questions are recorded, and nobody's address or name may get into the record. */
const Key = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:\/-]{0,199}$/, "is no key");
const Time = z.iso.datetime({ offset: true, error: "is no time, such as 2026-01-31T12:00:00Z" });

const schema = z.strictObject({
  order: z.string().regex(idForm, "is no order id").optional(),
  correlation: Key.optional(),
  subject: z.string().regex(/^[a-z][a-z0-9-]{0,30}\/[A-Za-z0-9._:\/-]{1,200}$/, "is no <service>/<key>").optional(),
  type: z.string().regex(/^[a-z][a-z0-9-]{0,30}\.[a-z][a-z0-9-]{0,60}$/, "is no <service>.<event>").optional(),
  signer: z.string().regex(/^[a-z][a-z0-9-]{0,30}$/, "is no service's name").optional(),
  actor: Key.optional(),
  kid: z.string().regex(/^[A-Za-z0-9_-]{43}$/, "is no thumbprint of a key").optional(),
  from: Time.optional(),
  to: Time.optional(),
  cursor: z.string().max(60).optional(),
  limit: z.coerce.number("is no number").int().min(1).max(200).default(50),
});
