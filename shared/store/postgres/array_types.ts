import type postgres from "postgres";
import { sqlArray, type SqlValue } from "./sql_array.ts";

/** Arrays of these types can be parameters and results, also in services' own statements. */
export const arrayTypes: Readonly<Record<string, postgres.PostgresType>> = Object.freeze({
  booleans: arrayType(1000, (text) => text === "t"),
  smallints: arrayType(1005, Number),
  integers: arrayType(1007, Number),
  bigints: arrayType(1016, Number),
  doubles: arrayType(1022, Number),
  texts: arrayType(1009, String),
  varchars: arrayType(1015, String),
  uuids: arrayType(2951, String),
  jsons: arrayType(199, (text) => JSON.parse(text)),
  jsonbs: arrayType(3807, (text) => JSON.parse(text)),
});

/** @param oid Of the array type: see `pg_type.dat` of PostgreSQL. */
function arrayType(oid: number, parseElement: (text: string) => unknown): postgres.PostgresType {
  return {
    to: oid,
    from: [oid],
    // Text is a literal that `sqlArray` has written already.
    serialize: (value: string | readonly SqlValue[]) => typeof value === "string" ? value : sqlArray(value),
    parse: (literal: string) => parseArray(literal).map((text) => text === null ? null : parseElement(text)),
  };
}

/**
 * Reads a one-dimensional array literal.
 *
 * @param literal As the server writes it: `{a,"b c",NULL}`.
 * @returns Its elements as texts.
 */
export function parseArray(literal: string): readonly (string | null)[] {
  const elements = literal.slice(1, -1).matchAll(/"((?:[^"\\]|\\.)*)"|([^,]+)/gs);
  return [...elements].map(([, quoted, bare]) => {
    if (quoted !== undefined) return quoted.replace(/\\(.)/gs, "$1");
    return bare === "NULL" ? null : bare!;
  });
}
