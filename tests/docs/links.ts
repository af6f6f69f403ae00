import { anchorsOf, linksOf } from "./markdown.ts";

/** The files that links may lead to. */
export interface Pages {
  readonly exists: (path: string) => boolean;
  readonly readText: (path: string) => string;
}

/**
 * Follows the relative links of a page.
 *
 * @param page Its path from the root.
 * @returns One complaint for each that leads nowhere.
 */
export function brokenLinks(page: string, { exists, readText }: Pages): readonly string[] {
  return linksOf(readText(page)).flatMap(({ target, line }) => {
    if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return [];
    const [path = "", anchor] = target.split("#");
    const { pathname } = new URL(path === "" ? `/${page}` : path, `file:///${page}`);
    const file = decodeURIComponent(pathname).slice(1);
    const complain = (what: string) => [`${page}:${line}: ${target} leads to ${what}`];
    if (path.startsWith("/")) return complain("a path from the root of the machine");
    if (!exists(file)) return complain("nothing");
    if (anchor === undefined || !file.endsWith(".md") || anchorsOf(readText(file)).has(anchor)) return [];
    return complain("no heading");
  });
}
