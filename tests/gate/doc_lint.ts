/** One complaint of `deno doc --lint`. */
export interface DocComplaint {
  readonly rule: string;
  readonly message: string;
  readonly file: string;
  readonly line: number;
  /** The complaint as printed, with the line it is about. */
  readonly text: string;
}

/**
 * Reads the output of `deno doc --lint`.
 *
 * @param output Standard error, without colours.
 */
export function parseDocLint(output: string): DocComplaint[] {
  return output.split(/^(?=error\[)/m).flatMap((text) => {
    const head = /^error\[([\w-]+)\]: (.*)\n\s*--> (.+):(\d+):\d+/.exec(text);
    if (head === null) return [];
    return [{ rule: head[1] ?? "", message: head[2] ?? "", file: head[3] ?? "", line: Number(head[4]), text }];
  });
}

/**
 * Says whether a complaint is one of ours to mend: an exported declaration without a comment, or a missing return type.
 *
 * The tool asks for more than helps a reader. It reports every type of an npm package in a public signature as
 * private, wants the type of a contract written out that is inferred on purpose, wants a comment on every property and
 * method, also where it could only repeat the name, and overlooks a comment with a lint exception under it.
 *
 * @param source Lines of the file complained about.
 */
export function isOurs(complaint: DocComplaint, source: readonly string[]): boolean {
  if (complaint.rule === "missing-return-type") return true;
  if (complaint.rule !== "missing-jsdoc") return false;
  if (!source[complaint.line - 1]?.startsWith("export")) return false;
  const above = source.slice(0, complaint.line - 1).findLast((line) => !line.startsWith("// deno-lint-ignore"));
  return !above?.trimEnd().endsWith("*/");
}
