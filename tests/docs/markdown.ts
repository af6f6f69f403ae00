/** One fenced block of code. */
export interface CodeBlock {
  /** What follows the opening fence, for example `sh test=session`. */
  readonly info: string;
  readonly code: string;
  /** Line of the opening fence, from 1. */
  readonly line: number;
}

/** One link to somewhere. */
export interface Link {
  readonly target: string;
  /** From 1. */
  readonly line: number;
}

/** @returns All fenced blocks, in their order. */
export function codeBlocks(text: string): readonly CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: { readonly info: string; readonly line: number; readonly code: string[] } | undefined;
  for (const [at, line] of text.split("\n").entries()) {
    const fence = /^ {0,3}```(.*)$/.exec(line);
    if (fence === null) open?.code.push(line);
    else if (open === undefined) open = { info: fence[1]!.trim(), line: at + 1, code: [] };
    else {
      blocks.push({ info: open.info, line: open.line, code: open.code.map((each) => `${each}\n`).join("") });
      open = undefined;
    }
  }
  return blocks;
}

/**
 * Finds links, definitions of links and images outside of code.
 *
 * @returns Targets as written.
 */
export function linksOf(text: string): readonly Link[] {
  return withoutCode(text).split("\n").flatMap((line, at) =>
    [...line.matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)|^ {0,3}\[[^\]]+\]:\s+(\S+)/g)]
      .map((found) => ({ target: (found[1] ?? found[2])!, line: at + 1 }))
  );
}

/** @returns What headings can be linked by, in the spelling that GitHub uses. */
export function anchorsOf(text: string): ReadonlySet<string> {
  const seen = new Map<string, number>();
  const anchors = new Set<string>();
  for (const line of withoutCode(text, { keepsInline: true }).split("\n")) {
    const heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(line)?.[1];
    if (heading === undefined) continue;
    const slug = heading.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(/\s/g, "-");
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    anchors.add(count === 0 ? slug : `${slug}-${count}`);
  }
  return anchors;
}

/**
 * Reads what stands between `<!-- begin:name -->` and `<!-- end:name -->`.
 *
 * @throws {RangeError} If there is no such section.
 */
export function sectionOf(text: string, name: string): string {
  const found = patternOf(name).exec(text);
  if (found === null) throw new RangeError(`Cannot find section "${name}": its begin or end is missing`);
  return found[2]!.trim();
}

/**
 * Puts something else there.
 *
 * @throws {RangeError} If there is no such section.
 */
export function withSection(text: string, name: string, content: string): string {
  sectionOf(text, name);
  return text.replace(patternOf(name), (_all, begin: string, _old: string, end: string) => {
    return `${begin}\n\n${content.trim()}\n\n${end}`;
  });
}

/** @returns Cells of a table's rows, without those of its head; escaped bars are bars. */
export function tableRows(text: string): readonly (readonly string[])[] {
  const rows = text.split("\n").filter((line) => line.trimStart().startsWith("|"));
  const isRule = (line: string) => /^[\s|:-]+$/.test(line);
  return rows.filter((line, at) => !isRule(line) && !isRule(rows[at + 1] ?? "")).map((line) =>
    line.trim().slice(1, -1).split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"))
  );
}

/** @returns The texts in backquotes. */
export function codeWords(text: string): readonly string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, word]) => word!);
}

function patternOf(name: string): RegExp {
  return new RegExp(`(<!-- begin:${name}\\b[^>]*-->)([\\s\\S]*?)(<!-- end:${name} -->)`);
}

function withoutCode(text: string, { keepsInline = false } = {}): string {
  let isCode = false;
  return text.split("\n").map((line) => {
    if (/^ {0,3}```/.test(line)) {
      isCode = !isCode;
      return "";
    }
    if (isCode) return "";
    return keepsInline ? line : line.replaceAll(/`[^`]*`/g, "");
  }).join("\n");
}
