/**
 * Copies a value as a JSON column would keep it, and freezes the copy all the way down.
 *
 * What goes in or comes out shares nothing with the caller that could be changed behind the store's back. Says the same as
 * `JSON.parse(JSON.stringify(value))` without writing long texts out; what was made here is not copied again.
 */
export function frozenJson<T>(value: T): T {
  return copyOf(value) as T;
}

/** What was made here: rows are written many times and copied once. */
const copies = new WeakSet<object>();

function copyOf(value: unknown): unknown {
  if (typeof value === "string" || typeof value === "boolean" || value === null) return value;
  // JSON knows neither NaN nor infinities, and no negative zero.
  if (typeof value === "number") return Number.isFinite(value) ? value + 0 : null;
  if (typeof value !== "object") return JSON.parse(JSON.stringify(value) ?? "null");
  if (copies.has(value)) return value;
  const copy = Array.isArray(value) ? Array.from(value, copyOf) : isPlain(value) ? copyOfObject(value) : written(value);
  if (typeof copy !== "object" || copy === null) return copy;
  copies.add(copy);
  return Object.freeze(copy);
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && !("toJSON" in value) &&
    !Object.hasOwn(value, "__proto__");
}

function copyOfObject(value: object): object {
  const copy: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    if (member !== undefined && typeof member !== "function" && typeof member !== "symbol") copy[name] = copyOf(member);
  }
  return copy;
}

/** The long way, for whatever says itself how it is written. */
function written(value: object): unknown {
  return freezeAll(JSON.parse(JSON.stringify(value)));
}

function freezeAll<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const member of Object.values(value)) freezeAll(member);
    Object.freeze(value);
  }
  return value;
}
