/** What an array literal can hold. */
export type SqlValue = string | number | boolean | null;

/**
 * Writes a Postgres array literal, for a parameter of an array type.
 *
 * By hand, because the driver guesses the type of an array from its first element (and guesses wrong for booleans).
 *
 * @see https://www.postgresql.org/docs/15/arrays.html#ARRAYS-IO
 */
export function sqlArray(values: readonly SqlValue[]): string {
  let literal = "{";
  for (const value of values) literal += literal.length === 1 ? encodeElement(value) : `,${encodeElement(value)}`;
  return `${literal}}`;
}

function encodeElement(value: SqlValue): string {
  if (value === null) return "NULL";
  if (typeof value !== "string") return String(value);
  // Ids and envelopes hold neither; looking costs a fraction of replacing.
  if (!value.includes('"') && !value.includes("\\")) return `"${value}"`;
  return `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}
