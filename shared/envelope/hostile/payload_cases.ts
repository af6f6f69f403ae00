import { Buffer } from "node:buffer";
import { canonicalJson } from "../canonical.ts";
import type { EnvelopeClaims } from "../envelope.ts";
import { asOrchestrator, commandFixture, deliveryOf, eventFixture, idOf } from "../test_world.ts";
import { command, commandText, commandWithText, event, type HostileCase, reordered } from "./forge.ts";

/** Attacks by the spelling of the payload. */
export const payloadCases: readonly HostileCase[] = [
  { name: "claims in another order", reason: "not-canonical", token: commandWithText(reordered(commandText)) },
  {
    name: "a doubled claim",
    reason: "not-canonical",
    token: commandWithText(commandText.replace("{", '{"aud":["orders"],')),
  },
  { name: "white space in the payload", reason: "not-canonical", token: commandWithText(`${commandText} `) },
  {
    name: "an escaped slash",
    reason: "not-canonical",
    token: commandWithText(commandText.replace("inventory/", "inventory\\/")),
  },
  {
    name: "an escaped letter",
    reason: "not-canonical",
    token: commandWithText(commandText.replace("TEA", "\\u0054EA")),
  },
  { name: "a float", reason: "not-canonical", token: commandWithText(commandText.replace('"units":2', '"units":2.5')) },
  {
    name: "a float that is whole",
    reason: "not-canonical",
    token: commandWithText(commandText.replace('"units":2', '"units":2.0')),
  },
  {
    name: "an exponent",
    reason: "not-canonical",
    token: commandWithText(commandText.replace('"units":2', '"units":2e0')),
  },
  { name: "1e400", reason: "not-canonical", token: commandWithText(commandText.replace('"units":2', '"units":1e400')) },
  {
    name: "minus zero",
    reason: "not-canonical",
    token: commandWithText(commandText.replace('"units":2', '"units":-0')),
  },
  {
    name: "an unsafe integer",
    reason: "not-canonical",
    token: commandWithText(commandText.replace('"units":2', '"units":9007199254740993')),
  },
  {
    name: "a lone surrogate",
    reason: "not-canonical",
    token: commandWithText(commandText.replace("TEA-0001", "\\ud800")),
  },
  {
    name: "a member named __proto__",
    reason: "not-canonical",
    token: commandWithText(commandText.replace('"dat":{', '"dat":{"__proto__":{"units":9},')),
  },
  { name: "data nested nine deep", reason: "not-canonical", token: dataOf(nested(9)) },
  {
    name: "data nested 10,000 deep",
    reason: "not-canonical",
    token: commandWithText(commandText.replace(/"dat":\{.*?\}/, `"dat":${"[".repeat(10_000)}${"]".repeat(10_000)}`)),
  },
  {
    name: "an object of 201 members",
    reason: "not-canonical",
    token: dataOf(Object.fromEntries(Array.from({ length: 201 }, (_, at) => [`m${at}`, at]))),
  },
  {
    name: "bytes that are not UTF-8",
    reason: "malformed",
    token: commandWithText(Buffer.concat([Buffer.from(commandText.slice(0, -1)), Buffer.from([0xc0, 0xaf, 0x7d])])),
  },
  { name: "a byte order mark before the payload", reason: "malformed", token: commandWithText(`\ufeff${commandText}`) },
  { name: "a payload that is no JSON", reason: "malformed", token: commandWithText("hello") },
  { name: "a payload cut off", reason: "malformed", token: commandWithText(commandText.slice(0, -1)) },
  { name: "a payload that is an array", reason: "bad-claims", token: commandWithText("[]") },
  { name: "a payload that is null", reason: "bad-claims", token: commandWithText("null") },
];

/** Claims that are missing, unknown, malformed or at odds with one another. */
export const claimCases: readonly HostileCase[] = [
  ...(["v", "iss", "sub", "aud", "jti", "iat", "evt", "sch", "dst", "cor", "cau", "dat"] as const).map((
    name,
  ): HostileCase => ({
    name: `a command without ${name}`,
    reason: "bad-claims",
    token: command(without(name)),
  })),
  ...(["n", "prv"] as const).map((name): HostileCase => ({
    name: `an event without ${name}`,
    reason: "bad-claims",
    token: event(without(name)),
    verifier: asOrchestrator,
    delivery: deliveryOf(eventFixture),
  })),
  { name: "a claim nobody knows", reason: "bad-claims", token: command({ admin: true }) },
  { name: "a claim of the first draft (att)", reason: "bad-claims", token: command({ att: 1 }) },
  { name: "another format version", reason: "bad-claims", token: command({ v: 2 }) },
  { name: "an expiry that is text", reason: "bad-claims", token: command({ exp: "1767226201" }) },
  { name: "a negative expiry", reason: "bad-claims", token: command({ exp: -1 }) },
  { name: "an event that expires", reason: "bad-claims", token: event({ exp: 1 }) },
  { name: "a command with a place in a stream", reason: "bad-claims", token: command({ n: 1, prv: null }) },
  { name: "a command that answers", reason: "bad-claims", token: command({ re: [idOf(1)] }) },
  { name: "an event that undoes", reason: "bad-claims", token: event({ undoes: [idOf(1)] }) },
  { name: "an empty list of answers", reason: "bad-claims", token: event({ re: [] }) },
  { name: "the same answer twice", reason: "bad-claims", token: event({ re: [idOf(1), idOf(1)] }) },
  {
    name: "two hundred and one undone commands",
    reason: "bad-claims",
    token: command({ undoes: Array.from({ length: 201 }, (_, at) => idOf(at)) }),
  },
  {
    name: "an id that is no UUIDv7",
    reason: "bad-claims",
    token: command({ jti: "0b9b3f0e-6a5c-4a7e-9a51-0d6f2a0f0001" }),
  },
  { name: "an id in upper case", reason: "bad-claims", token: command({ jti: idOf(0xab).toUpperCase() }) },
  { name: "two audiences", reason: "bad-claims", token: command({ aud: ["inventory", "orders"] }) },
  { name: "an audience that is text", reason: "bad-claims", token: command({ aud: "inventory" }) },
  {
    name: "a command for the whole mesh",
    reason: "bad-claims",
    token: command({ aud: ["mesh"], sub: "mesh/x", evt: "mesh.x", sch: "mesh.x#1" }),
  },
  { name: "an event for one service", reason: "bad-claims", token: event({ aud: ["orders"] }) },
  { name: "a schema of another type", reason: "bad-claims", token: command({ sch: "inventory.count-stock#1" }) },
  { name: "a schema of version 0", reason: "bad-claims", token: command({ sch: "inventory.reserve-stock#0" }) },
  { name: "a schema of version 01", reason: "bad-claims", token: command({ sch: "inventory.reserve-stock#01" }) },
  { name: "a subject of another service", reason: "bad-claims", token: command({ sub: "orders/TEA-0001" }) },
  { name: "an event in another service's stream", reason: "bad-claims", token: event({ sub: "orders/TEA-0001" }) },
  { name: "a subject with a space", reason: "bad-claims", token: command({ sub: "inventory/TEA 0001" }) },
  { name: "a place 0 in the stream", reason: "bad-claims", token: event({ n: 0 }) },
  { name: "a first event that names a predecessor", reason: "bad-claims", token: event({ prv: "A".repeat(43) }) },
  { name: "a later event without predecessor", reason: "bad-claims", token: event({ n: 2 }) },
  { name: "a third member of dst", reason: "bad-claims", token: command({ dst: { ...commandFixture.dst, q: "x" } }) },
  { name: "a cause without a pseudonym", reason: "bad-claims", token: command({ act: { via: "gateway" } }) },
  {
    name: "a cause with personal data",
    reason: "bad-claims",
    token: command({ act: { sub: "x", via: "gateway", mail: "a@b.example" } }),
  },
];

function without(name: keyof EnvelopeClaims): Record<string, unknown> {
  return { [name]: undefined };
}

function dataOf(value: unknown): string {
  return commandWithText(canonicalJson({ ...commandFixture, dat: value }, { depthMax: 64, membersMax: 10_000 }));
}

function nested(depth: number): unknown {
  return depth === 0 ? 1 : [nested(depth - 1)];
}
