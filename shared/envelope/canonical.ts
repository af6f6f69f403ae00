import { ContractError } from "@mesh/base";

/** Bounds of what the writer accepts; beyond them it refuses instead of recursing. */
export interface CanonicalLimits {
  /** Arrays and objects inside one another, the outermost included; at least 1. */
  readonly depthMax: number;
  /** Members of any one object. */
  readonly membersMax: number;
}

/** Room for documents of our own making: policies, manifests. */
const documentLimits: CanonicalLimits = { depthMax: 64, membersMax: 10_000 };

/**
 * Writes a value in the canonical form of RFC 8785, restricted to what cannot be read in two ways.
 *
 * Equal meaning gives equal bytes: members are sorted by UTF-16 code units, nothing is padded, and numbers are safe
 * integers only (money is in minor units), so that no two readers disagree about a float. Members whose value is
 * `undefined` are left out, as `JSON.stringify` does.
 *
 * @param value Objects, arrays, strings, booleans, null and safe integers.
 * @param limits Bounds of depth and members; generous by default.
 * @returns The canonical text.
 * @throws {ContractError} Reason `not-canonical`: a float, an unsafe integer, a lone surrogate, a class instance, a member
 * named `__proto__`, or more depth or members than `limits` allow.
 *
 * @example Order and spelling are fixed
 * ```ts
 * import { strictEqual as assertEquals } from "node:assert/strict";
 * import { canonicalJson } from "@mesh/envelope";
 *
 * assertEquals(canonicalJson({ b: [true, null], a: "€", 10: 1, 9: 2 }), '{"10":1,"9":2,"a":"€","b":[true,null]}');
 * ```
 * @see RFC 8785 3.2
 */
export function canonicalJson(value: unknown, limits: CanonicalLimits = documentLimits): string {
  return write(value, 0, limits);
}

function write(value: unknown, depth: number, limits: CanonicalLimits): string {
  switch (typeof value) {
    case "string":
      return writeString(value);
    case "number":
      if (!Number.isSafeInteger(value)) refuse(`${value} is not a safe integer`);
      return String(value);
    case "boolean":
      return value ? "true" : "false";
    case "object":
      if (value === null) return "null";
      if (depth === limits.depthMax) refuse(`it is nested deeper than ${limits.depthMax} levels`);
      return Array.isArray(value) ? writeArray(value, depth + 1, limits) : writeObject(value, depth + 1, limits);
    default:
      return refuse(`JSON has no ${typeof value}`);
  }
}

function writeArray(items: readonly unknown[], depth: number, limits: CanonicalLimits): string {
  let text = "[";
  for (let at = 0; at < items.length; at += 1) {
    if (at > 0) text += ",";
    text += write(items[at], depth, limits);
  }
  return text + "]";
}

function writeObject(value: object, depth: number, limits: CanonicalLimits): string {
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) refuse("it holds an instance of a class");
  const members = value as Readonly<Record<string, unknown>>;
  // The default order of sort() is that of UTF-16 code units, which RFC 8785 3.2.3 asks for.
  const names = Object.keys(members).sort();
  if (names.length > limits.membersMax) refuse(`an object has more than ${limits.membersMax} members`);
  let text = "";
  for (const name of names) {
    const member = members[name];
    if (member === undefined) continue;
    // A reader that assigns members one by one would change its object's prototype instead.
    if (name === "__proto__") refuse('a member is named "__proto__"');
    text += `${text === "" ? "" : ","}${writeString(name)}:${write(member, depth, limits)}`;
  }
  return `{${text}}`;
}

function writeString(text: string): string {
  if (plainText.test(text)) return `"${text}"`;
  if (!text.isWellFormed()) refuse("a string holds a lone surrogate");
  // ECMAScript's escapes are those of RFC 8785 3.2.2.2.
  return JSON.stringify(text);
}

function refuse(what: string): never {
  throw new ContractError(`Cannot write canonical JSON: ${what}`, { reason: "not-canonical" });
}

/** Text that stands for itself between quotes: no control character, quote, backslash or surrogate. */
const plainText = /^[ !#-[\]-\ud7ff\ue000-\uffff]*$/;
