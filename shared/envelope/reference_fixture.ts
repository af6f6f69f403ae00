/**
 * What an envelope's payload must be, written the slow and obvious way: every step of its own, nothing native that decides
 * two things at once. Tests hold the fast code to it.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { MessageKind } from "@mesh/contract";
import type { CanonicalLimits } from "./canonical.ts";

/** @returns The bytes of a part of a token, or `undefined` if it does not encode to itself. */
export function referenceBytes(part: string): Buffer | undefined {
  const bytes = Buffer.from(part, "base64url");
  return part !== "" && bytes.toString("base64url") === part ? bytes : undefined;
}

/** @returns The canonical text, or `undefined` for what must be refused. */
export function referenceCanonicalJson(value: unknown, limits: CanonicalLimits): string | undefined {
  try {
    return write(value, 0, limits);
  } catch {
    return undefined;
  }
}

/** @returns Why a payload must be refused, or `undefined` if its form and its claims are right. */
export function referenceFault(payload: Uint8Array, kind: MessageKind, limits: CanonicalLimits): string | undefined {
  let text: string;
  let claims: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(payload);
    claims = JSON.parse(text);
  } catch {
    return "malformed";
  }
  if (referenceCanonicalJson(claims, limits) !== text) return "not-canonical";
  return referenceClaimsHold(claims, kind) ? undefined : "bad-claims";
}

/** Whether claims are complete, known, well-formed and consistent. */
export function referenceClaimsHold(claims: unknown, kind: MessageKind): boolean {
  if (typeof claims !== "object" || claims === null || Array.isArray(claims)) return false;
  const given = new Map<string, unknown>(Object.entries(claims));
  for (const [name, value] of given) {
    const rule = rules[name];
    if (rule === undefined) return false;
    if (value !== undefined && (rule[kind] === "absent" || !rule.holds(value))) return false;
  }
  for (const [name, rule] of Object.entries(rules)) {
    if (rule[kind] === "required" && given.get(name) === undefined) return false;
  }
  const [iss, sub, evt, sch] = ["iss", "sub", "evt", "sch"].map((name) => given.get(name) as string);
  const [audience] = given.get("aud") as [string];
  const owner = kind === "event" ? iss : audience;
  return new RegExp(`^${evt!.replace(".", "\\.")}#[1-9][0-9]{0,3}$`).test(sch!) && sub!.startsWith(`${owner}/`) &&
    evt!.startsWith(`${owner}.`) && (audience === "mesh") === (kind === "event") &&
    (kind === "command" || (given.get("n") === 1) === (given.get("prv") === null));
}

function write(value: unknown, depth: number, limits: CanonicalLimits): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number" && Number.isSafeInteger(value)) return String(value);
  if (typeof value === "string" && value.isWellFormed()) return JSON.stringify(value);
  if (typeof value !== "object" || depth === limits.depthMax) throw new TypeError("no JSON of ours");
  if (Array.isArray(value)) {
    return `[${Array.from(value, (item) => write(item, depth + 1, limits)).join(",")}]`;
  }
  const prototype = Object.getPrototypeOf(value);
  const names = Object.keys(value).sort();
  if ((prototype !== Object.prototype && prototype !== null) || names.length > limits.membersMax) {
    throw new TypeError("no JSON of ours");
  }
  const members = names.map((name) => [name, (value as Record<string, unknown>)[name]] as const)
    .filter(([, member]) => member !== undefined);
  if (members.some(([name]) => name === "__proto__")) throw new TypeError("no JSON of ours");
  return `{${
    members.map(([name, member]) => `${write(name, 0, limits)}:${write(member, depth + 1, limits)}`).join(",")
  }}`;
}

type Presence = "required" | "optional" | "absent";
type Rule = { readonly command: Presence; readonly event: Presence; readonly holds: (value: unknown) => boolean };

function matches(pattern: RegExp): (value: unknown) => boolean {
  return (value) => typeof value === "string" && pattern.test(value);
}

function isIdList(value: unknown): boolean {
  return Array.isArray(value) && value.length >= 1 && value.length <= 200 && value.every(isId) &&
    new Set(value).size === value.length;
}

function hasMembers(value: unknown, rules: Readonly<Record<string, (member: unknown) => boolean>>): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const members = new Map<string, unknown>(Object.entries(value));
  return members.size === Object.keys(rules).length &&
    Object.entries(rules).every(([name, holds]) => members.has(name) && holds(members.get(name)));
}

function isCount(value: unknown, min: number, max: number): boolean {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max;
}

const isId = matches(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
const isService = matches(/^[a-z][a-z0-9-]{0,30}$/);
const isHash = matches(/^[A-Za-z0-9_-]{43}$/);
const isKey = matches(/^[^\s]{1,200}$/);
const isSeconds = (value: unknown) => isCount(value, 0, 253_402_300_799);
const isShort = (value: unknown) => typeof value === "string" && value.length <= 255;
const both = { command: "required", event: "required" } as const;
const rules: Readonly<Record<string, Rule>> = {
  act: {
    command: "optional",
    event: "optional",
    holds: (value) =>
      hasMembers(value, { sub: isKey, via: isService }) ||
      hasMembers(value, { sub: isKey, via: isService, tok: isHash }),
  },
  aud: { ...both, holds: (value) => Array.isArray(value) && value.length === 1 && isService(value[0]) },
  cau: { ...both, holds: (value) => value === null || isId(value) },
  cor: { ...both, holds: isKey },
  dat: { ...both, holds: () => true },
  dst: { ...both, holds: (value) => hasMembers(value, { rk: isShort, x: isShort }) },
  evt: { ...both, holds: matches(/^[a-z][a-z0-9-]{0,30}\.[a-z][a-z0-9-]{0,60}$/) },
  exp: { command: "optional", event: "absent", holds: isSeconds },
  iat: { ...both, holds: isSeconds },
  iss: { ...both, holds: isService },
  jti: { ...both, holds: isId },
  n: { command: "absent", event: "required", holds: (value) => isCount(value, 1, Number.MAX_SAFE_INTEGER) },
  prv: { command: "absent", event: "required", holds: (value) => value === null || isHash(value) },
  re: { command: "absent", event: "optional", holds: isIdList },
  sch: { ...both, holds: (value) => typeof value === "string" && value.length <= 100 },
  sub: { ...both, holds: matches(/^[a-z][a-z0-9-]{0,30}\/[^\s]{1,200}$/) },
  undoes: { command: "optional", event: "absent", holds: isIdList },
  v: { ...both, holds: (value) => value === 1 },
};
