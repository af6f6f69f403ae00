import { Buffer } from "node:buffer";
import type { EnvelopeClaims } from "../envelope.ts";
import { signEnvelope } from "../sign.ts";
import {
  asAuditor,
  asInventory,
  asOrchestrator,
  commandFixture,
  deliveryOf,
  eventFixture,
  headerText,
  idOf,
  keys,
} from "../test_world.ts";
import {
  command,
  commandHeader,
  commandText,
  encoded,
  event,
  goodCommand,
  goodHeader,
  goodPayload,
  goodSignature,
  headed,
  type HostileCase,
  owner,
  resigned,
  signer,
} from "./forge.ts";

/** Attacks on key and signature. */
export const keyCases: readonly HostileCase[] = [
  { name: "a key nobody knows", reason: "unknown-key", token: command({}, keys.stranger) },
  {
    name: "a key named __proto__-like",
    reason: "unknown-key",
    token: headed(commandHeader.replace(signer.kid, "_".repeat(43))),
  },
  {
    name: "another key's id over one's own signature",
    reason: "bad-signature",
    token: headed(headerText(owner, "command")),
  },
  { name: "a signature of zeros", reason: "bad-signature", token: resigned(Buffer.alloc(64)) },
  {
    name: "a signature whose R is a point of small order",
    reason: "bad-signature",
    token: resigned(Buffer.concat([Buffer.from([1]), Buffer.alloc(63)])),
  },
  { name: "a signature with S + L", reason: "bad-signature", token: resigned(malleated()) },
  {
    name: "a signature one byte short",
    reason: "bad-signature",
    token: resigned(Buffer.from(goodSignature, "base64url").subarray(0, 63)),
  },
  {
    name: "a signature one byte long",
    reason: "bad-signature",
    token: resigned(Buffer.concat([Buffer.from(goodSignature, "base64url"), Buffer.alloc(1)])),
  },
  {
    name: "the signature of another message",
    reason: "bad-signature",
    token: `${goodHeader}.${goodPayload}.${command({ jti: idOf(9) }).split(".")[2]}`,
  },
  {
    name: "other content under the same id and signature",
    reason: "bad-signature",
    token: `${goodHeader}.${encoded(commandText.replace('"units":2', '"units":9'))}.${goodSignature}`,
  },
  {
    name: "an event's signature under a command's header",
    reason: "bad-signature",
    token: `${goodHeader}.${event({}).split(".").slice(1).join(".")}`,
  },
  { name: "a retired key", reason: "key-retired", token: command({}, keys.retiredOrchestrator) },
  { name: "one service in another's name", reason: "signer-not-owner", token: command({ iss: "orders" }) },
  {
    name: "a service in the name of itself in upper case",
    reason: "bad-claims",
    token: command({ iss: "ORCHESTRATOR" }),
  },
];

/** Well-signed messages that nobody had the right to send, or that are not for this receiver. */
export const rightsCases: readonly HostileCase[] = [
  {
    name: "a command that its signer may not send",
    reason: "not-allowed",
    token: signEnvelope(commandOfOrders(), keys.orders).token,
  },
  {
    name: "a schema version that the policy does not know",
    reason: "not-allowed",
    token: command({ sch: "inventory.reserve-stock#2" }),
  },
  {
    name: "a type that the policy does not know",
    reason: "not-allowed",
    token: command({ evt: "inventory.count-stock", sch: "inventory.count-stock#1" }),
  },
  {
    name: "an event of another service's type",
    reason: "bad-claims",
    token: event({ evt: "orders.order-placed", sch: "orders.order-placed#1" }),
  },
  {
    name: "a command in an event's envelope",
    reason: "not-allowed",
    token: event({ evt: "inventory.reserve-stock", sch: "inventory.reserve-stock#1" }),
  },
  {
    name: "another service's timer",
    reason: "not-allowed",
    token: command({ evt: "inventory.fire-timer", sch: "inventory.fire-timer#1" }),
  },
  { name: "a command for a neighbour", reason: "wrong-audience", token: goodCommand, verifier: asOrchestrator },
  {
    name: "an event nobody here subscribes to",
    reason: "wrong-destination",
    token: signEnvelope(eventFixture, owner).token,
    verifier: asInventory,
  },
  {
    name: "another actor's slot",
    reason: "wrong-destination",
    token: command({ dst: { ...commandFixture.dst, rk: "inventory.reserve-stock.v1.k28" } }),
  },
  {
    name: "another exchange",
    reason: "wrong-destination",
    token: command({ dst: { ...commandFixture.dst, x: "mesh.events" } }),
  },
  {
    name: "another type's routing key",
    reason: "wrong-destination",
    token: command({ dst: { ...commandFixture.dst, rk: "inventory.count-stock.v1.k27" } }),
  },
  {
    name: "another correlation than the routing key's",
    reason: "wrong-destination",
    token: event({ cor: idOf(77) }),
    verifier: asOrchestrator,
  },
  {
    name: "an actor other than the data's",
    reason: "wrong-destination",
    token: command({ dat: { sku: "TEA-0002", units: 2 } }),
  },
  {
    name: "a message_id other than the id",
    reason: "property-mismatch",
    token: goodCommand,
    delivery: { ...deliveryOf(commandFixture), messageId: idOf(5) },
  },
  {
    name: "no message_id",
    reason: "property-mismatch",
    token: goodCommand,
    delivery: { ...deliveryOf(commandFixture), messageId: undefined },
  },
  {
    name: "a type property other than the type",
    reason: "property-mismatch",
    token: goodCommand,
    delivery: { ...deliveryOf(commandFixture), type: "inventory.count-stock" },
  },
  {
    name: "a replay by another broker user",
    reason: "property-mismatch",
    token: goodCommand,
    delivery: { ...deliveryOf(commandFixture), userId: "orders" },
  },
  {
    name: "no broker user",
    reason: "property-mismatch",
    token: goodCommand,
    delivery: { ...deliveryOf(commandFixture), userId: undefined },
  },
  {
    name: "the receiver's own user on a mesh exchange",
    reason: "property-mismatch",
    token: goodCommand,
    delivery: { ...deliveryOf(commandFixture), userId: "inventory" },
  },
  {
    name: "a third user through the default exchange",
    reason: "property-mismatch",
    token: goodCommand,
    delivery: { ...deliveryOf(commandFixture), userId: "orders", exchange: "" },
  },
  {
    name: "no user through the default exchange, for the auditor",
    reason: "property-mismatch",
    token: goodCommand,
    verifier: asAuditor,
    delivery: { ...deliveryOf(commandFixture), userId: undefined, exchange: "" },
  },
  { name: "data off the schema", reason: "schema", token: command({ dat: { sku: "TEA-0001", units: 0 } }) },
  { name: "data that are null", reason: "schema", token: command({ dat: null }) },
  { name: "a system type without contract here", reason: "unknown-type", token: ownTimer() },
];

/** The other S that satisfies the equation where a verifier does not demand the smaller one (RFC 8032 8.4). */
function malleated(): Uint8Array {
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const bytes = Buffer.from(goodSignature, "base64url");
  let scalar = bytes.subarray(32).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n) + order;
  for (let at = 32; at < 64; at += 1, scalar >>= 8n) bytes[at] = Number(scalar & 255n);
  return bytes;
}

function commandOfOrders(): EnvelopeClaims {
  return { ...commandFixture, iss: "orders" };
}

function ownTimer(): string {
  const { n: _n, prv: _prv, re: _re, ...shared } = eventFixture;
  const type = "inventory.fire-timer";
  const dst = { x: "mesh.commands", rk: `${type}.v1.k27` };
  return signEnvelope({ ...shared, aud: ["inventory"], evt: type, sch: `${type}#1`, dst }, owner).token;
}
