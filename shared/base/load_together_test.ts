import { deepStrictEqual as assertEquals, rejects as assertRejects } from "node:assert/strict";
import { LoadTogether } from "./load_together.ts";

function open() {
  const queries: { readonly keys: readonly string[]; readonly end: (error?: Error) => void }[] = [];
  const together = new LoadTogether<string>((keys) => {
    const { promise, resolve, reject } = Promise.withResolvers<ReadonlyMap<string, string>>();
    const found = new Map(keys.filter((key) => key !== "nothing").map((key) => [key, key.toUpperCase()]));
    queries.push({ keys, end: (error) => error === undefined ? resolve(found) : reject(error) });
    return promise;
  });
  const asked = () => queries.map(({ keys }) => keys);
  return { together, queries, asked };
}

Deno.test("LoadTogether asks once for what is asked for at the same time, each key once", async () => {
  const { together, queries, asked } = open();
  const found = [together.find("a"), together.findAll(["b", "nothing", "a"])] as const;
  await settled();
  assertEquals(asked(), [["a", "b", "nothing"]]);
  queries[0]!.end();
  assertEquals(await Promise.all(found), ["A", ["B", "A"]]);
});

Deno.test("LoadTogether never answers with what was read before the question", async () => {
  const { together, queries, asked } = open();
  void together.find("a");
  await settled();
  void together.find("a");
  await settled();
  const late = [together.find("a"), together.find("b")];
  await settled();
  // Two queries are under way; what comes now waits for one of them to end.
  assertEquals(asked(), [["a"], ["a"]]);
  queries[0]!.end();
  await settled();
  assertEquals(asked(), [["a"], ["a"], ["a", "b"]]);
  queries[2]!.end();
  assertEquals(await Promise.all(late), ["A", "B"]);
  queries[1]!.end();
});

Deno.test("LoadTogether tells a failure to those who waited for it, and goes on", async () => {
  const { together, queries, asked } = open();
  const [first, second] = [together.find("a"), together.find("b")];
  await settled();
  queries[0]!.end(new Error("away"));
  await assertRejects(first, { message: "away" });
  await assertRejects(second, { message: "away" });
  const third = together.find("c");
  await settled();
  queries[1]!.end();
  assertEquals([await third, asked()], ["C", [["a", "b"], ["c"]]]);
});

/** Lets everything that is ready run. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
