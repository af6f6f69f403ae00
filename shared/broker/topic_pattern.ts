/**
 * Says whether a routing key fits a binding's pattern, as a topic exchange judges it.
 *
 * @param pattern Words joined by dots; `*` stands for exactly one word, `#` for any number, none included.
 * @param key A routing key.
 * @see AMQP 0-9-1 specification, 3.1.3.3
 *
 * @example
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { topicMatches } from "@mesh/broker";
 *
 * const keys = ["orders.order-placed.v1.k07.c12", "orders.order-placed.v2.k07.c12"];
 * assertEquals(keys.map((key) => topicMatches("orders.order-placed.v1.#", key)), [true, false]);
 * ```
 */
export function topicMatches(pattern: string, key: string): boolean {
  return topicMatcher(pattern)(key);
}

/** Prepares a pattern for many keys. @returns Judges a key as {@link topicMatches} does. */
export function topicMatcher(pattern: string): (key: string) => boolean {
  const wildAt = pattern.search(/[*#]/);
  if (wildAt < 0) return (key) => pattern === key;
  // Most bindings name a type and take all that follows.
  if (wildAt === pattern.length - 1 && pattern.endsWith(".#")) {
    const stem = pattern.slice(0, -2);
    return (key) => key.startsWith(stem) && (key.length === stem.length || key[stem.length] === ".");
  }
  const words = pattern.split(".");
  // A `#` takes nothing as well, and then the dot before it is missing.
  const stem = pattern.includes("#") ? "" : pattern.slice(0, pattern.lastIndexOf(".", wildAt) + 1);
  return (key) => key.startsWith(stem) && wordsMatch(words, key.split("."));
}

/**
 * Keeps, for the pattern read so far, every count of key words that it can have consumed; a `#` costs one pass over the
 * key and no backtracking, so hostile patterns stay cheap.
 */
function wordsMatch(pattern: readonly string[], key: readonly string[]): boolean {
  let reached: boolean[] = [true, ...key.map(() => false)];
  for (const word of pattern) {
    const next: boolean[] = reached.map(() => false);
    for (let count = 0; count <= key.length; count += 1) {
      if (word === "#") next[count] = reached[count]! || (count > 0 && next[count - 1]!);
      else next[count] = count > 0 && reached[count - 1]! && (word === "*" || word === key[count - 1]);
    }
    reached = next;
  }
  return reached[key.length]!;
}
