/**
 * Copies a value as a JSON column would keep it, and freezes the copy all the way down.
 *
 * What goes in or comes out shares nothing with the caller that could be changed behind the store's back.
 */
export function frozenJson<T>(value: T): T {
  return freeze(JSON.parse(JSON.stringify(value)));
}

function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    for (const member of Object.values(value)) freeze(member);
    Object.freeze(value);
  }
  return value;
}
