import { z } from "zod";
import { ContractError, type Json } from "@mesh/base";
import type { AnyContract } from "./define.ts";
import type { MessageKind } from "./message.ts";

/** One published version of one message. */
export interface LockedContract {
  readonly kind: MessageKind;
  /** JSON Schema 2020-12 of its data as a receiver takes them. */
  readonly schema: Json;
}

/** Everything that a service has published, by `<service>.<name>#<version>`; kept in its `contract.lock.json`. */
export interface ContractLock {
  readonly lockVersion: 1;
  readonly contracts: Readonly<Record<string, LockedContract>>;
}

/**
 * What became of one contract: `added` is new; `extended` has further optional fields, which older readers drop; `changed`
 * and `missing` break what was published.
 */
export interface LockFinding {
  readonly name: string;
  readonly verdict: "added" | "extended" | "changed" | "missing";
}

/**
 * Describes contracts for their lock file.
 *
 * Refinements and keys are functions and cannot be described; what they demand is not locked.
 *
 * @throws {ContractError} If a schema cannot be written as JSON Schema (a transform, a date), or two contracts share a name.
 *
 * @example
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { z } from "zod";
 * import { compareLock, defineEvent, lockOf } from "@mesh/contract";
 *
 * const options = { version: 1, key: () => "k" };
 * const before = lockOf([defineEvent("orders.order-placed", { ...options, schema: z.object({ id: z.string() }) })]);
 * const after = lockOf([defineEvent("orders.order-placed", { ...options, schema: z.object({ id: z.int() }) })]);
 * assertEquals(compareLock(before, after), [{ name: "orders.order-placed#1", verdict: "changed" }]);
 * ```
 */
export function lockOf(contracts: readonly AnyContract[]): ContractLock {
  const locked = new Map<string, LockedContract>();
  for (const contract of contracts) {
    const name = `${contract.type}#${contract.version}`;
    if (locked.has(name)) throw new ContractError(`Cannot lock "${name}": it is listed twice`);
    locked.set(name, { kind: contract.kind, schema: schemaOf(name, contract.schema) });
  }
  return { lockVersion: 1, contracts: Object.fromEntries([...locked].sort(([a], [b]) => (a < b ? -1 : 1))) };
}

/**
 * Compares what was published with what the code says now.
 *
 * @param published The lock file.
 * @param current From {@link lockOf}.
 * @returns Findings by name; empty when nothing differs.
 */
export function compareLock(published: ContractLock, current: ContractLock): readonly LockFinding[] {
  const names = new Set([...Object.keys(published.contracts), ...Object.keys(current.contracts)]);
  return [...names].sort().flatMap((name) => {
    const verdict = verdictOn(published.contracts[name], current.contracts[name]);
    return verdict === undefined ? [] : [{ name, verdict }];
  });
}

/**
 * Takes what is new into a lock: added versions and further optional fields.
 *
 * @returns The lock to be written.
 * @throws {ContractError} If something published has changed or is missing; the message names all of it.
 */
export function extendLock(published: ContractLock, current: ContractLock): ContractLock {
  const broken = compareLock(published, current).filter(({ verdict }) => isBreaking(verdict));
  if (broken.length > 0) {
    const list = broken.map(({ name, verdict }) => `"${name}" is ${verdict}`).join(", ");
    throw new ContractError(`Cannot extend contract lock: ${list}; publish a new version beside the old one`);
  }
  return current;
}

/** @returns Whether the verdict breaks readers or the stored past. */
export function isBreaking(verdict: LockFinding["verdict"]): boolean {
  return verdict === "changed" || verdict === "missing";
}

/** @returns The lock file's text; the same for the same lock. */
export function renderLock(lock: ContractLock): string {
  return `${JSON.stringify(sorted(lock as unknown as Json), null, 2)}\n`;
}

function schemaOf(name: string, schema: z.ZodType): Json {
  try {
    return sorted(z.toJSONSchema(schema, { io: "input" }) as Json);
  } catch (error) {
    throw new ContractError(`Cannot lock "${name}": its schema has no JSON Schema`, { cause: error });
  }
}

function verdictOn(
  published: LockedContract | undefined,
  current: LockedContract | undefined,
): LockFinding["verdict"] | undefined {
  if (published === undefined) return "added";
  if (current === undefined) return "missing";
  if (published.kind !== current.kind) return "changed";
  if (isSame(published.schema, current.schema)) return undefined;
  return hasGrown(published.schema, current.schema) ? "extended" : "changed";
}

/** Whether two schemas differ at most by further optional members of objects that do not forbid further members. */
function hasGrown(old: Json, now: Json): boolean {
  if (!isObject(old) || !isObject(now)) {
    if (Array.isArray(old) && Array.isArray(now)) {
      return old.length === now.length && old.every((item, at) => hasGrown(item, now[at]!));
    }
    return isSame(old, now);
  }
  return isSame(Object.keys(old).sort(), Object.keys(now).sort()) &&
    Object.entries(old).every(([keyword, value]) => {
      const after = now[keyword]!;
      if (keyword === "properties") return havePropertiesGrown(old, now);
      return valueKeywords.has(keyword) ? isSame(value, after) : hasGrown(value, after);
    });
}

function havePropertiesGrown(old: JsonObject, now: JsonObject): boolean {
  const [before, after] = [old.properties, now.properties];
  if (!isObject(before!) || !isObject(after!)) return false;
  const added = Object.keys(after).filter((name) => !Object.hasOwn(before, name));
  if (added.length > 0 && old.additionalProperties === false) return false;
  // What is required is compared as a keyword of its own, so an added member can only be optional.
  return Object.entries(before).every(([name, schema]) => Object.hasOwn(after, name) && hasGrown(schema, after[name]!));
}

type JsonObject = { readonly [name: string]: Json };

function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSame(a: Json, b: Json): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

/** Members by name, and required names in order, so that moving a line in the code changes nothing. */
function sorted(value: Json, keyword = ""): Json {
  if (Array.isArray(value)) {
    const items = value.map((item) => sorted(item));
    return keyword === "required" && items.every((item) => typeof item === "string") ? items.sort() : items;
  }
  if (!isObject(value)) return value;
  const names = Object.keys(value).sort();
  return Object.fromEntries(names.map((name) => [name, sorted(value[name]!, name)]));
}

/** Keywords whose value is data, not a schema. */
const valueKeywords: ReadonlySet<string> = new Set(["const", "default", "enum", "examples", "required"]);
