/**
 * A map for what comes and goes by the thousand: calls under way, messages that wait for a confirm.
 *
 * In V8 the table behind a `Map` or a `Set` is replaced every few entries, and each one holds on to its successor as well
 * as to what stood in it then. Once one of them has grown old, whatever passes through the map grows old with it and waits
 * for the next major collection. Here a table holds cells, and a cell is emptied when its entry goes.
 *
 * Keys are not let go like that: they should be numbers or short texts.
 *
 * ```ts
 * import { InFlightMap } from "@mesh/base";
 * import { deepStrictEqual } from "node:assert/strict";
 *
 * const calls = new InFlightMap<number, string>();
 * calls.set(1, "reserve").set(2, "capture");
 * deepStrictEqual([calls.take(1), calls.take(1), [...calls.values()]], ["reserve", undefined, ["capture"]]);
 * ```
 */
export class InFlightMap<Key, Value> {
  readonly #cells = new Map<Key, Cell<Value>>();

  /** Entries at this moment. */
  get size(): number {
    return this.#cells.size;
  }

  /** @returns Whether there is an entry. */
  has(key: Key): boolean {
    return this.#cells.has(key);
  }

  /** @returns The value, or `undefined`. */
  get(key: Key): Value | undefined {
    return this.#cells.get(key)?.value;
  }

  /** Adds an entry behind the others, or replaces the value of one where it stands. */
  set(key: Key, value: Value): this {
    const cell = this.#cells.get(key);
    if (cell === undefined) this.#cells.set(key, { value });
    else cell.value = value;
    return this;
  }

  /**
   * Removes an entry.
   *
   * @returns Its value, or `undefined` where there was none.
   */
  take(key: Key): Value | undefined {
    const value = this.get(key);
    this.delete(key);
    return value;
  }

  /** Removes an entry. @returns Whether there was one. */
  delete(key: Key): boolean {
    const cell = this.#cells.get(key);
    if (cell !== undefined) cell.value = undefined;
    return this.#cells.delete(key);
  }

  /** Removes all entries. */
  clear(): void {
    for (const key of this.#cells.keys()) this.delete(key);
  }

  /** The keys, in the order in which they were added. */
  keys(): MapIterator<Key> {
    return this.#cells.keys();
  }

  /** The values, in the order in which their entries were added. */
  *values(): Generator<Value, void> {
    for (const cell of this.#cells.values()) yield cell.value as Value;
  }

  /** The entries, in the order in which they were added. */
  *[Symbol.iterator](): Generator<readonly [Key, Value], void> {
    for (const [key, cell] of this.#cells) yield [key, cell.value as Value];
  }
}

interface Cell<Value> {
  value: Value | undefined;
}
