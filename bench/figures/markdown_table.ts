/**
 * Lays out a table in Markdown: the first column to the left, figures to the right.
 *
 * @param rows As many cells each as there are heads.
 *
 * @example
 * ```ts
 * import { strictEqual as assertEquals } from "node:assert/strict";
 * import { markdownTable } from "./markdown_table.ts";
 *
 * assertEquals(
 *   markdownTable(["what", "n"], [["mesh", "10"]]),
 *   ["| what |  n |", "| ---- | -: |", "| mesh | 10 |"].join("\n"),
 * );
 * ```
 */
export function markdownTable(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heads.map((head, at) => Math.max(head.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, at) => at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!)).join(" | ")} |`;
  const ruler = widths.map((width, at) => at === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`);
  return [line(heads), `| ${ruler.join(" | ")} |`, ...rows.map(line)].join("\n");
}
