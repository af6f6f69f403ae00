import { deepStrictEqual as assertEquals, strictEqual, throws } from "node:assert/strict";
import { anchorsOf, codeBlocks, codeWords, linksOf, sectionOf, tableRows, withSection } from "./markdown.ts";

const page = `# A page, with \`code\`
See [one](one.md#there) and ![two](<img/two.png> "title"), not \`[three](three.md)\`.

\`\`\`sh test=session
echo "[four](four.md)"
\`\`\`

## Again
## Again
[five]: ../five.md

<!-- begin:list: note -->
old
<!-- end:list -->
`;

Deno.test("code blocks come with what their fence says", () => {
  assertEquals(codeBlocks(page), [{ info: "sh test=session", code: 'echo "[four](four.md)"\n', line: 4 }]);
});

Deno.test("links are found with their lines, but not in code", () => {
  assertEquals(linksOf(page), [
    { target: "one.md#there", line: 2 },
    { target: "img/two.png", line: 2 },
    { target: "../five.md", line: 10 },
  ]);
});

Deno.test("headings are linked as GitHub spells them", () => {
  assertEquals(anchorsOf(page), new Set(["a-page-with-code", "again", "again-1"]));
});

Deno.test("a marked section is read and replaced", () => {
  strictEqual(sectionOf(page, "list"), "old");
  strictEqual(sectionOf(withSection(page, "list", "$1 new\n"), "list"), "$1 new");
  throws(() => sectionOf(page, "lis"), RangeError);
});

Deno.test("a table's cells come without its head", () => {
  const table = "| a | b |\n| --- | :-: |\n| `x`, `y` | one \\| two |\n";

  assertEquals(tableRows(table), [["`x`, `y`", "one | two"]]);
  assertEquals(codeWords(tableRows(table)[0]![0]!), ["x", "y"]);
});
