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
 * One check after the other instead of a table of rules: every envelope passes here twice, and a table costs as much
 * again as what it looks up.
 *
 * @param claims Anything that was parsed from JSON.
 * @returns The first fault in a few words, or `undefined` when there is none; then `claims` are {@link EnvelopeClaims}.
 */
export function findClaimFault(claims: unknown, kind: MessageKind): string | undefined {
  if (!isObject(claims)) return "the payload is no object";
  const { act, aud, cau, cor, dat, dst, evt, exp, iat, iss, jti, n, prv, re, sch, sub, undoes, v } = claims;
  if (v !== 1) return wrong("v", v);
  if (!isService(iss)) return wrong("iss", iss);
  if (!isSubject(sub)) return wrong("sub", sub);
  if (!Array.isArray(aud) || aud.length !== 1 || !isService(aud[0])) return wrong("aud", aud);
  if (!isId(jti)) return wrong("jti", jti);
  if (!isSeconds(iat)) return wrong("iat", iat);
  if (!isType(evt)) return wrong("evt", evt);
  if (!isText(sch, 100)) return wrong("sch", sch);
  if (!isDestination(dst)) return wrong("dst", dst);
  if (!isKey(cor)) return wrong("cor", cor);
  if (cau !== null && !isId(cau)) return wrong("cau", cau);
  if (dat === undefined) return wrong("dat", dat);
  if (act !== undefined && !isAct(act)) return wrong("act", act);
  if (kind === "event") {
    if (!isPosition(n)) return wrong("n", n);
    if (prv !== null && !isHash(prv)) return wrong("prv", prv);
    if (re !== undefined && !isIdList(re)) return wrong("re", re);
    if (exp !== undefined || undoes !== undefined) return '"exp" and "undoes" are not for events';
  } else {
    if (exp !== undefined && !isSeconds(exp)) return wrong("exp", exp);
    if (undoes !== undefined && !isIdList(undoes)) return wrong("undoes", undoes);
    if (n !== undefined || prv !== undefined || re !== undefined) return '"n", "prv" and "re" are not for commands';
  }
  const optional = Number(act !== undefined) + Number(exp !== undefined) + Number(re !== undefined) +
    Number(undoes !== undefined);
  if (Object.keys(claims).length !== requiredCount[kind] + optional) {
    const unknown = Object.keys(claims).find((name) => !claimNames.has(name));
    if (unknown !== undefined) return `claim "${unknown.slice(0, 20)}" is unknown`;
  }
  return findContradiction(claims as unknown as EnvelopeClaims, kind);
}

function wrong(name: keyof EnvelopeClaims, value: unknown): string {
  return `claim "${name}" is ${value === undefined ? "missing" : "malformed"}`;
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
  if (!beginsWith(sch, evt, "#") || !versionPattern.test(sch.slice(evt.length + 1))) {
    return '"sch" is not "evt" with a version';
  }
  if (!beginsWith(sub, owner, "/")) return `"sub" is no actor of "${owner}"`;
  if (!beginsWith(evt, owner, ".")) return `"evt" is no ${kind} of "${owner}"`;
  if ((aud[0] === eventAudience) !== (kind === "event")) return `"aud" is not that of a ${kind}`;
  if (kind === "event" && (n === 1) !== (prv === null)) return '"prv" is null exactly at the start of a stream';
  return undefined;
}

/** Whether a text is a word, a mark, and more. */
function beginsWith(text: string, word: string, mark: string): boolean {
  return text[word.length] === mark && text.startsWith(word);
}

/** Claims that every message has, and `n` and `prv` of an event. */
const requiredCount: Readonly<Record<MessageKind, number>> = { command: 12, event: 14 };

const claimNames: ReadonlySet<string> = new Set<keyof EnvelopeClaims>([
  ...(["v", "iss", "sub", "aud", "jti", "iat", "evt", "sch", "dst", "cor", "cau", "dat"] as const),
  ...(["act", "exp", "n", "prv", "re", "undoes"] as const),
]);

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

function isPosition(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

function isIdList(value: unknown): boolean {
  if (!Array.isArray(value) || value.length === 0 || value.length > idsMax || !value.every(isId)) return false;
  return value.length === 1 || new Set(value).size === value.length;
}

function isDestination(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { rk, x } = value;
  return isText(rk, 255) && isText(x, 255) && Object.keys(value).length === 2;
}

function isAct(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { sub, tok, via } = value;
  if (!isKey(sub) || !isService(via)) return false;
  const count = Object.keys(value).length;
  return count === 2 || (count === 3 && isHash(tok));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const secondsMax = 253_402_300_799; // The last second of year 9999, where ISO 8601 ends.
const servicePattern = /^[a-z][a-z0-9-]{0,30}$/;
const typePattern = /^[a-z][a-z0-9-]{0,30}\.[a-z][a-z0-9-]{0,60}$/;
const versionPattern = /^[1-9][0-9]{0,3}$/;
const keyPattern = /^[^\s]{1,200}$/;
const subjectPattern = /^[a-z][a-z0-9-]{0,30}\/[^\s]{1,200}$/;
const idPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const hashPattern = /^[A-Za-z0-9_-]{43}$/;
