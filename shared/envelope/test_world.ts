import { Buffer } from "node:buffer";
import { sign } from "node:crypto";
import { z } from "zod";
import { contractRegistry, defineCommand, defineEvent, defineService } from "@mesh/contract";
import { commandClaims, eventClaims } from "./claims.ts";
import type { EnvelopeClaims } from "./envelope.ts";
import { fixedKeyDirectory, keyFile, type KeyStatus } from "./key_directory.ts";
import { emitPolicyFrom, policyIndex } from "./policy.ts";
import { publicKeyFromJwk } from "./public_key.ts";
import { receiverOf } from "./receiver.ts";
import { type SigningKey, signingKeyFromJwk } from "./signing_key.ts";
import type { DeliveryFacts, Verifier } from "./verify.ts";

/** A mesh of three services for this package's tests, with keys from fixed seeds. */

const Sku = z.string().regex(/^[A-Z]{3}-\d{4}$/);
export const ReserveStock = defineCommand("inventory.reserve-stock", {
  version: 1,
  schema: z.object({ sku: Sku, units: z.int().min(1), note: z.string().optional() }),
  key: ({ sku }) => sku,
});
export const CountStock = defineCommand("inventory.count-stock", {
  version: 1,
  schema: z.object({ sku: Sku, unitsOnHand: z.int() }),
  key: ({ sku }) => sku,
});
export const StockReserved = defineEvent("inventory.stock-reserved", {
  version: 1,
  schema: z.object({ sku: Sku, units: z.int().min(1) }),
  key: ({ sku }) => sku,
});
export const OrderPlaced = defineEvent("orders.order-placed", {
  version: 1,
  schema: z.object({ orderId: z.string() }),
  key: ({ orderId }) => orderId,
});

const nothing = { accepts: [], publishes: [], sends: [], subscribes: [], calls: [] };
export const inventory = defineService({
  ...nothing,
  name: "inventory",
  purpose: "Counts stock",
  accepts: [ReserveStock, CountStock],
  publishes: [StockReserved],
  commandsItself: true,
  internalPort: 9104,
});
export const orders = defineService({
  ...nothing,
  name: "orders",
  purpose: "Keeps orders",
  publishes: [OrderPlaced],
  internalPort: 9103,
});
export const orchestrator = defineService({
  ...nothing,
  name: "orchestrator",
  purpose: "Runs sagas",
  sends: [ReserveStock],
  subscribes: [{ event: StockReserved, by: "correlation" }, { event: OrderPlaced, by: "correlation" }],
  commandsItself: true,
  internalPort: 9108,
});

/** Public halves of the keys whose seeds are one byte, 32 times. */
const publicHalves: Readonly<Record<number, string>> = {
  0x11: "0EqyMnQrtKs6E2i9RhXk5tAiSrcaAWuvhSCjMsl3hzc",
  0x22: "oJql9HpnWYAv-VX43C0qFKXJnSO-l_hkEn_5ODRVpPA",
  0x33: "F8t5-ytBIPKx7GXkGY1uCLKOgT_rAeSkAIObheGAgM4",
  0x44: "11l5O7wTooGagnx2rbb7qKSa7gB_SfLQmS2ZuCWtLEg",
  0x55: "xoImN8fTEOxXYnvgC6JZ0lN0n0qvZERwz_vlOjX3MkI",
};

/** @returns Private JWK text of the key whose seed is one byte, 32 times. */
export function jwkOfSeed(byte: number): string {
  const d = Buffer.alloc(32, byte).toString("base64url");
  return JSON.stringify({ kty: "OKP", crv: "Ed25519", x: publicHalves[byte], d });
}

export const keys = {
  inventory: signingKeyFromJwk("inventory", jwkOfSeed(0x11)),
  orchestrator: signingKeyFromJwk("orchestrator", jwkOfSeed(0x22)),
  orders: signingKeyFromJwk("orders", jwkOfSeed(0x33)),
  retiredOrchestrator: signingKeyFromJwk("orchestrator", jwkOfSeed(0x44)),
  stranger: signingKeyFromJwk("orchestrator", jwkOfSeed(0x55)),
};

/** @returns Entry of a key file. */
export function published(byte: number, status: KeyStatus = "active") {
  return { jwk: publicKeyFromJwk({ kty: "OKP", crv: "Ed25519", x: publicHalves[byte] }, "test").jwk, status };
}

/** @returns The mesh's key files, as a directory holds them. */
export function keyFiles(): Record<string, string> {
  const files = [
    keyFile("inventory", [published(0x11)]),
    keyFile("orchestrator", [published(0x22), published(0x44, "retired")]),
    keyFile("orders", [published(0x33)]),
  ];
  return Object.fromEntries(files.map(({ name, text }) => [name, text]));
}

const directory = fixedKeyDirectory(keyFiles());
const policy = policyIndex(emitPolicyFrom([inventory, orders, orchestrator]));
const contracts = contractRegistry([ReserveStock, CountStock, StockReserved, OrderPlaced]);

/** Receives commands. */
export const asInventory: Verifier = { keys: directory, policy, contracts, receiver: receiverOf(inventory) };
/** Receives events. */
export const asOrchestrator: Verifier = { keys: directory, policy, contracts, receiver: receiverOf(orchestrator) };
/** Takes everything. */
export const asAuditor: Verifier = { keys: directory, policy };

export const orderId = "01900000-0000-7000-8000-0000000000aa";

/** @returns A valid id that ends in the given number. */
export function idOf(count: number): string {
  return `01900000-0000-7000-8000-${count.toString(16).padStart(12, "0")}`;
}

/** What a good command of the orchestrator to inventory claims. */
export const commandFixture: EnvelopeClaims = commandClaims({
  message: { ...ReserveStock({ sku: "TEA-0001", units: 2 }), expiresAtMs: 1_767_226_200_001 },
  id: idOf(1),
  service: "orchestrator",
  correlation: orderId,
  causation: idOf(0xff),
  cause: { subject: "01900000-0000-7000-8000-00000000c0de", via: "gateway" },
  nowMs: 1_767_225_600_123,
});

/** What inventory's good answer claims. */
export const eventFixture: EnvelopeClaims = eventClaims({
  message: StockReserved({ sku: "TEA-0001", units: 2 }),
  id: idOf(2),
  service: "inventory",
  correlation: orderId,
  causation: idOf(1),
  nowMs: 1_767_225_601_000,
  n: 1,
  prv: null,
  re: [idOf(1)],
});

/** @returns What the broker says about an envelope that comes straight from its signer. */
export function deliveryOf({ jti, evt, iss, dst }: EnvelopeClaims): DeliveryFacts {
  return { messageId: jti, type: evt, userId: iss, exchange: dst.x };
}

/** @returns A token with any header and payload, validly signed. */
export function signedRaw(header: string, payload: string | Uint8Array, key: SigningKey): string {
  const signed = `${Buffer.from(header).toString("base64url")}.${Buffer.from(payload).toString("base64url")}`;
  return `${signed}.${sign(null, Buffer.from(signed), key.privateKey).toString("base64url")}`;
}

/** @returns The protected header of a key, as text. */
export function headerText(key: SigningKey, kind: "command" | "event"): string {
  return Buffer.from(key.headers[kind], "base64url").toString();
}
