import { deepStrictEqual as assertEquals, ok } from "node:assert/strict";
import { brokenLinks } from "./links.ts";
import { exists, listFiles, readText } from "./repository.ts";

const pages = listFiles(".md");

Deno.test("every relative link leads to a file that is there, and to a heading in it", () => {
  ok(pages.includes("README.md") && pages.length > 20, `found ${pages.length} pages`);
  assertEquals(pages.flatMap((page) => brokenLinks(page, { exists, readText })), []);
});

Deno.test("a link that leads nowhere is found", () => {
  const texts: Readonly<Record<string, string>> = {
    "docs/a.md": "# A\n[b](b.md#b) [b](b.md#c) [c](../c.md) [self](#a) [web](https://example.com/x) [root](/c.md)",
    "docs/b.md": "# B\n",
  };
  const complaints = brokenLinks("docs/a.md", { exists: (path) => path in texts, readText: (path) => texts[path]! });

  assertEquals(complaints, [
    "docs/a.md:2: b.md#c leads to no heading",
    "docs/a.md:2: ../c.md leads to nothing",
    "docs/a.md:2: /c.md leads to a path from the root of the machine",
  ]);
});

Deno.test("every page that code or another page names is there", () => {
  const sources = listFiles(".ts", ".sql", ".sh", ".md", ".yaml", ".mjs", "Makefile", "Dockerfile")
    .filter((path) => !path.startsWith("tests/docs/"));
  const complaints = sources.flatMap((path) =>
    [...new Set(readText(path).match(/(?<![\w/.-])(?:\.{0,2}\/?[\w-]+\/)*[\w-]+\.md\b/g) ?? [])]
      .filter((name) => !isThere(name, path)).map((name) => `${path} names ${name}`)
  );
  assertEquals(complaints, []);
});

/** From the root, from the folder of the file, or among the documents. */
function isThere(name: string, path: string): boolean {
  const beside = new URL(name, `file:///${path}`).pathname.slice(1);
  return [name, beside, `docs/${name}`].some(exists);
}
