import type { MessageKind } from "@mesh/contract";
import type { EnvelopeClaims } from "./envelope.ts";

/** Who receives events: everybody who subscribes. No service may have this name. */
export const eventAudience = "mesh";

/** Ids in one list of claims; a command has far fewer attempts, an answer far fewer questions. */
const idsMax = 200;

/**
 * Checks claims for completeness, form and consistency with one another: no unknown claim, none missing, each of the
 * right type and size. Rights are another matter, see the policy.
 *
 * @param claims Anything that was parsed from JSON.
 * @returns The first fault in a few words, or `undefined` when there is none; then `claims` are {@link EnvelopeClaims}.
 */
export function findClaimFault(claims: unknown, kind: MessageKind): string | undefined {
  if (typeof claims !== "object" || claims === null || Array.isArray(claims)) return "the payload is no object";
  const given = claims as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(given)) {
    const rule = rules.get(name);
    if (rule === undefined) return `claim "${name.slice(0, 20)}" is unknown`;
    if (given[name] === undefined) continue;
    if (rule[kind] === "absent") return `claim "${name}" is not for ${kind}s`;
    if (!rule.holds(given[name])) return `claim "${name}" is malformed`;
  }
  for (const name of required[kind]) if (given[name] === undefined) return `claim "${name}" is missing`;
  return findContradiction(claims as EnvelopeClaims, kind);
}

/** @returns Type and major version that `sch` names. */
export function versionOf(claims: EnvelopeClaims): number {
  return Number(claims.sch.slice(claims.evt.length + 1));
}

/** @returns The actor key: `sub` without its service. */
export function keyOfSubject(sub: string): string {
  return sub.slice(sub.indexOf("/") + 1);
}

function findContradiction(claims: EnvelopeClaims, kind: MessageKind): string | undefined {
  const { iss, sub, aud, evt, sch, n, prv } = claims;
  const owner = kind === "event" ? iss : aud[0];
  if (!sch.startsWith(`${evt}#`) || !versionPattern.test(sch.slice(evt.length + 1))) {
    return '"sch" is not "evt" with a version';
  }
  if (!sub.startsWith(`${owner}/`)) return `"sub" is no actor of "${owner}"`;
  if (!evt.startsWith(`${owner}.`)) return `"evt" is no ${kind} of "${owner}"`;
  if ((aud[0] === eventAudience) !== (kind === "event")) return `"aud" is not that of a ${kind}`;
  if (kind === "event" && (n === 1) !== (prv === null)) return '"prv" is null exactly at the start of a stream';
  return undefined;
}

interface ClaimRule {
  readonly command: "required" | "optional" | "absent";
  readonly event: "required" | "optional" | "absent";
  readonly holds: (value: unknown) => boolean;
}

const both = { command: "required", event: "required" } as const;
const anyKind = { command: "optional", event: "optional" } as const;

const claimRules: Readonly<Record<keyof EnvelopeClaims, ClaimRule>> = {
  act: { ...anyKind, holds: isAct },
  aud: { ...both, holds: (value) => Array.isArray(value) && value.length === 1 && isService(value[0]) },
  cau: { ...both, holds: (value) => value === null || isId(value) },
  cor: { ...both, holds: isKey },
  dat: { ...both, holds: () => true },
  dst: { ...both, holds: isDestination },
  evt: { ...both, holds: isType },
  exp: { command: "optional", event: "absent", holds: isSeconds },
  iat: { ...both, holds: isSeconds },
  iss: { ...both, holds: isService },
  jti: { ...both, holds: isId },
  n: { command: "absent", event: "required", holds: (value) => Number.isSafeInteger(value) && (value as number) >= 1 },
  prv: { command: "absent", event: "required", holds: (value) => value === null || isHash(value) },
  re: { command: "absent", event: "optional", holds: isIdList },
  sch: { ...both, holds: (value) => isText(value, 100) },
  sub: { ...both, holds: isSubject },
  undoes: { command: "optional", event: "absent", holds: isIdList },
  v: { ...both, holds: (value) => value === 1 },
};

const rules: ReadonlyMap<string, ClaimRule> = new Map(Object.entries(claimRules));

const required: Readonly<Record<MessageKind, readonly string[]>> = {
  command: [...rules].filter(([, rule]) => rule.command === "required").map(([name]) => name),
  event: [...rules].filter(([, rule]) => rule.event === "required").map(([name]) => name),
};

function isText(value: unknown, lengthMax: number): value is string {
  return typeof value === "string" && value.length <= lengthMax;
}

function isService(value: unknown): boolean {
  return typeof value === "string" && servicePattern.test(value);
}

function isType(value: unknown): boolean {
  return typeof value === "string" && typePattern.test(value);
}

function isKey(value: unknown): boolean {
  return typeof value === "string" && keyPattern.test(value);
}

function isSubject(value: unknown): boolean {
  return typeof value === "string" && subjectPattern.test(value);
}

function isId(value: unknown): boolean {
  return typeof value === "string" && idPattern.test(value);
}

function isHash(value: unknown): boolean {
  return typeof value === "string" && hashPattern.test(value);
}

function isSeconds(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= secondsMax;
}

function isIdList(value: unknown): boolean {
  return Array.isArray(value) && value.length >= 1 && value.length <= idsMax && value.every(isId) &&
    new Set(value).size === value.length;
}

function isDestination(value: unknown): boolean {
  const found = membersOf(value);
  return found !== undefined && found.size === 2 && isText(found.get("rk"), 255) && isText(found.get("x"), 255);
}

function isAct(value: unknown): boolean {
  const found = membersOf(value);
  if (found === undefined || found.size > 3 || !isKey(found.get("sub")) || !isService(found.get("via"))) return false;
  return found.size === 2 || isHash(found.get("tok"));
}

function membersOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return new Map(Object.entries(value));
}

const secondsMax = 253_402_300_799; // The last second of year 9999, where ISO 8601 ends.
const servicePattern = /^[a-z][a-z0-9-]{0,30}$/;
const typePattern = /^[a-z][a-z0-9-]{0,30}\.[a-z][a-z0-9-]{0,60}$/;
const versionPattern = /^[1-9][0-9]{0,3}$/;
const keyPattern = /^[^\s]{1,200}$/;
const subjectPattern = /^[a-z][a-z0-9-]{0,30}\/[^\s]{1,200}$/;
const idPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const hashPattern = /^[A-Za-z0-9_-]{43}$/;
