import { ContractError } from "@mesh/base";

/** Bounds of what the writer accepts; beyond them it refuses instead of recursing. */
export interface CanonicalLimits {
  /** Arrays and objects inside one another, the outermost included; at least 1. */
  readonly depthMax: number;
  /** Members of any one object. */
  readonly membersMax: number;
}

type Members = Readonly<Record<string, unknown>>;

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
  const ordered = inOrder(value, 0, limits);
  if (ordered !== undefined) {
    // Native, and so several times faster than the writer. What it makes of strings, safe integers and literals is what
    // RFC 8785 asks for, and the order of members is that of the object.
    const text = JSON.stringify(ordered);
    // It escapes a lone surrogate where the writer refuses it. Text that quotes such an escape looks the same here.
    if (!text.includes("\\ud")) return text;
  }
  return write(value, 0, limits);
}

/**
 * Checks a value as the writer does and puts it in order.
 *
 * @returns The value itself where its members are in canonical order already, else a copy that is; `undefined` where no
 * object can have that order, because names like `10` and `9` always come first and by size.
 */
function inOrder(value: unknown, depth: number, limits: CanonicalLimits): unknown {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      if (!Number.isSafeInteger(value)) refuse(`${value} is not a safe integer`);
      return value;
    case "object":
      if (value === null) return null;
      if (depth === limits.depthMax) refuse(`it is nested deeper than ${limits.depthMax} levels`);
      // JSON.stringify would ask it; a member that happens to have this name is no function.
      if (typeof (value as { toJSON?: unknown }).toJSON === "function") return undefined;
      return Array.isArray(value)
        ? itemsInOrder(value, depth + 1, limits)
        : membersInOrder(value as Members, depth + 1, limits);
    default:
      return refuse(`JSON has no ${typeof value}`);
  }
}

function itemsInOrder(items: readonly unknown[], depth: number, limits: CanonicalLimits): unknown {
  let copy: unknown[] | undefined;
  for (let at = 0; at < items.length; at += 1) {
    const ordered = inOrder(items[at], depth, limits);
    if (ordered === undefined) return undefined;
    if (copy === undefined && ordered !== items[at]) copy = items.slice(0, at);
    copy?.push(ordered);
  }
  return copy ?? items;
}

function membersInOrder(members: Members, depth: number, limits: CanonicalLimits): unknown {
  const names = namesOf(members, limits);
  const isOrdered = isSorted(names);
  if (!isOrdered) sort(names);
  let copy: Record<string, unknown> | undefined = isOrdered ? undefined : {};
  for (let at = 0; at < names.length; at += 1) {
    const name = names[at]!;
    const member = members[name];
    if (member === undefined) continue;
    if (name === "__proto__" || (!isOrdered && startsWithDigit(name))) return undefined;
    const ordered = inOrder(member, depth, limits);
    if (ordered === undefined) return undefined;
    if (copy === undefined && ordered !== member) copy = pick(members, names, at);
    if (copy !== undefined) copy[name] = ordered;
  }
  return copy ?? members;
}

/** @returns A new object of the first members. */
function pick(members: Members, names: readonly string[], count: number): Record<string, unknown> {
  const picked: Record<string, unknown> = {};
  for (let at = 0; at < count; at += 1) picked[names[at]!] = members[names[at]!];
  return picked;
}

/** @returns The names of an object's members, as they come. */
function namesOf(members: Members, { membersMax }: CanonicalLimits): string[] {
  const prototype = Object.getPrototypeOf(members);
  if (prototype !== Object.prototype && prototype !== null) refuse("it holds an instance of a class");
  const names = Object.keys(members);
  if (names.length > membersMax) refuse(`an object has more than ${membersMax} members`);
  return names;
}

function isSorted(names: readonly string[]): boolean {
  for (let at = 1; at < names.length; at += 1) if (names[at - 1]! > names[at]!) return false;
  return true;
}

/** Sorts by UTF-16 code units, which RFC 8785 3.2.3 asks for and in which both `<` and the default of sort() compare. */
function sort(names: string[]): void {
  if (names.length > insertionMax) {
    names.sort();
    return;
  }
  for (let end = 1; end < names.length; end += 1) {
    const name = names[end]!;
    let at = end;
    for (; at > 0 && names[at - 1]! > name; at -= 1) names[at] = names[at - 1]!;
    names[at] = name;
  }
}

/** Names of digits alone have places of their own in an object; any that begins with one is left to the writer. */
function startsWithDigit(name: string): boolean {
  const unit = name.charCodeAt(0);
  return unit >= 0x30 && unit <= 0x39;
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
  const members = value as Members;
  const names = namesOf(members, limits);
  sort(names);
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

/** Up to here inserting beats sort(), which costs about a microsecond before it compares anything. */
const insertionMax = 24;

/** Text that stands for itself between quotes: no control character, quote, backslash or surrogate. */
const plainText = /^[ !#-[\]-\ud7ff\ue000-\uffff]*$/;
