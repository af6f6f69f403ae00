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
 * Says whether a complaint is one of ours to mend.
 *
 * The tool reports every type of an npm package in a public signature as private, and asks for a comment on every
 * property, also where it could only repeat the name. What stays: exported declarations and methods without a
 * comment, and missing return types.
 *
 * @param source Lines of the file complained about.
 */
export function isOurs(complaint: DocComplaint, source: readonly string[]): boolean {
  if (complaint.rule === "private-type-ref") return false;
  if (complaint.rule !== "missing-jsdoc") return true;
  const line = source[complaint.line - 1] ?? "";
  // A comment of tags only counts as missing with the tool, but says all that there is to say.
  if (source[complaint.line - 2]?.trimEnd().endsWith("*/")) return false;
  return line.startsWith("export") || isMethod(line);
}

/** Methods have parameters in parentheses before any colon; properties and constructors do not count. */
function isMethod(line: string): boolean {
  return /^\s+(async )?\w+(<.*>)?\(/.test(line) && !/^\s+constructor\(/.test(line);
}
