/** Form fields as Stripe nests them: `metadata[orderId]=x` is `{ metadata: { orderId: "x" } }`. */
export interface Form {
  readonly [name: string]: string | Form;
}

type Draft = { [name: string]: string | Draft };

/**
 * Reads a form-encoded body or query the way Stripe's API does.
 *
 * @param encoded `application/x-www-form-urlencoded` text.
 * @returns The fields, nested by their brackets; of a repeated field the last one counts.
 */
export function parseForm(encoded: string): Form {
  const form: Draft = Object.create(null);
  for (const [name, value] of new URLSearchParams(encoded)) {
    const path = name.replaceAll("]", "").split("[");
    let level = form;
    for (const part of path.slice(0, -1)) {
      const next = level[part];
      level = typeof next === "object" ? next : (level[part] = Object.create(null) as Draft);
    }
    level[path.at(-1) as string] = value;
  }
  return form;
}

/** @returns The text of a field, or `undefined` if it is absent or nested. */
export function textOf(form: Form, name: string): string | undefined {
  const value = form[name];
  return typeof value === "string" ? value : undefined;
}

/** @returns The text fields inside a nested field; empty if it is absent. */
export function textsOf(form: Form, name: string): Readonly<Record<string, string>> {
  const value = form[name];
  if (typeof value !== "object") return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}

/** @returns The whole number in a field, or `undefined` if it is absent or no whole number. */
export function wholeNumberOf(form: Form, name: string): number | undefined {
  const text = textOf(form, name);
  return text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : undefined;
}

/** One clause `metadata["name"]:"value"` of a search. */
export interface MetadataClause {
  readonly name: string;
  readonly value: string;
}

/**
 * Reads the one form of Stripe's search query language that the simulator knows.
 *
 * @param query `metadata['name']:'value'`, either kind of quote, `\` before a quote inside.
 * @returns The clause, or `undefined` if the query is anything else.
 */
export function parseSearch(query: string): MetadataClause | undefined {
  const quoted = `"((?:[^"\\\\]|\\\\.)*)"|'((?:[^'\\\\]|\\\\.)*)'`;
  const match = new RegExp(`^\\s*metadata\\[(?:${quoted})\\]\\s*:\\s*(?:${quoted})\\s*$`).exec(query);
  if (match === null) return undefined;
  const unescape = (text: string) => text.replaceAll(/\\(.)/g, "$1");
  return { name: unescape(match[1] ?? match[2] ?? ""), value: unescape(match[3] ?? match[4] ?? "") };
}
