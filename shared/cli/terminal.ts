/** Where a command writes to, and whom it asks. */
export interface Terminal {
  /** One or more lines for standard output, without the last line break. */
  out(text: string): void;
  /** One or more lines for standard error, without the last line break. */
  err(text: string): void;
  /** Whether colours may be used. */
  readonly isColoured: boolean;
  /**
   * Asks for one line.
   *
   * @param isSecret Whether what is typed stays invisible.
   * @returns The line, or `undefined` when nobody is there to answer.
   */
  ask(question: string, isSecret: boolean): Promise<string | undefined>;
}

/**
 * Lays rows out in columns, with a heading.
 *
 * @param headings One per column.
 * @param rows Texts; whatever would move the cursor or change colours is made visible instead.
 * @returns Lines without trailing spaces.
 *
 * @example Two columns
 * ```ts
 * import { strictEqual as assertEquals } from "node:assert/strict";
 * import { table } from "@mesh/cli";
 *
 * assertEquals(table(["SERVICE", "DEAD"], [["orders", "3"], ["payments", "0"]]), [
 *   "SERVICE   DEAD",
 *   "orders    3",
 *   "payments  0",
 * ].join("\n"));
 * ```
 */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [headings, ...rows.map((row) => row.map(plain))];
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => widthOf(line[column] ?? ""))));
  return lines.map((line) =>
    headings.map((_, column) => padded(line[column] ?? "", widths[column] ?? 0)).join("  ").trimEnd()
  ).join("\n");
}

/**
 * Makes text from elsewhere safe to print: control characters (which could rewrite what stands on the screen) and marks
 * that turn the direction of writing become `\u{…}`.
 */
export function plain(text: string): string {
  return text.replace(dangerous, (one) => `\\u{${one.codePointAt(0)!.toString(16)}}`);
}

// deno-lint-ignore no-control-regex -- these are the very characters that must not get through
const dangerous = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

function padded(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - widthOf(text)));
}

function widthOf(text: string): number {
  return [...text].length;
}
