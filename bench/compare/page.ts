const begin = "<!-- begin:comparison: written by `make bench` -->";
const end = "<!-- end:comparison -->";

/**
 * Puts a comparison into a page, in the place of the one before; all else on it is written by hand.
 *
 * @param page As it is; empty for a page that is not there yet.
 *
 * @example
 * ```ts
 * import { strictEqual as assertEquals } from "node:assert/strict";
 * import { withComparison } from "./page.ts";
 *
 * const page = withComparison("", "first");
 * assertEquals(withComparison(`${page}\nBy hand\n`, "second"), `${page.replace("first", "second")}\nBy hand\n`);
 * ```
 *
 * @throws {Error} If the page has no place for it.
 */
export function withComparison(page: string, text: string): string {
  if (page === "") return `# Benchmarks\n\n${begin}\n\n${text}\n\n${end}\n`;
  const [beginAt, endAt] = [page.indexOf(begin), page.indexOf(end)];
  if (beginAt < 0 || endAt < beginAt) throw new Error(`Cannot write the comparison: the page has no "${begin}"`);
  return `${page.slice(0, beginAt)}${begin}\n\n${text}\n\n${page.slice(endAt)}`;
}
