import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { parseArray } from "./array_types.ts";
import { sqlArray } from "./sql_array.ts";

Deno.test("sqlArray writes what Postgres reads as the same values", () => {
  assertEquals(sqlArray([]), "{}");
  assertEquals(sqlArray(["a", 'q"\\', "", "NULL", null, true, -7]), String.raw`{"a","q\"\\","","NULL",NULL,true,-7}`);
});

Deno.test("parseArray reads what Postgres writes", () => {
  assertEquals(parseArray("{}"), []);
  assertEquals(parseArray(String.raw`{a,"b, c","q\"\\",NULL,"NULL","",t}`), [
    ...["a", "b, c", 'q"\\', null, "NULL", "", "t"],
  ]);
});

Deno.test("parseArray gives back the texts that sqlArray was given", () => {
  const texts = ["", "a,b", "{}", '"', "\\", "line\nbreak", "장터", "null"];
  assertEquals(parseArray(sqlArray(texts)), texts);
});
