/**
 * What an envelope costs beside the bare signature: each group's baseline is `node:crypto` alone on the same bytes, so
 * that one run shows a ratio, which holds on other machines and under other load. The envelope has about 1 KB.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createPublicKey, sign, verify } from "node:crypto";
import { canonicalJson, eventClaims, signEnvelope, verifyEnvelope } from "./mod.ts";
import { asInventory, asOrchestrator, deliveryOf, eventFixture, idOf, keys, orderId } from "./test_world.ts";
import { commandFixture, ReserveStock, StockReserved } from "./test_world.ts";

const note = "x".repeat(150);
const commandOf1Kb = { ...commandFixture, dat: { note, sku: "TEA-0001", units: 2 } };
const { token } = signEnvelope(commandOf1Kb, keys.orchestrator);
const signedPart = Buffer.from(token.slice(0, token.lastIndexOf(".")));
const signature = Buffer.from(token.slice(token.lastIndexOf(".") + 1), "base64url");
const publicKey = createPublicKey(keys.orchestrator.privateKey);
const body = Buffer.from(token);
const delivery = deliveryOf(commandOf1Kb);
const eventBody = Buffer.from(signEnvelope(eventFixture, keys.inventory).token);
// As a driver hands it out; a text put together in JavaScript is another thing to the engine.
const eventText = eventBody.toString();
const text = canonicalJson(commandOf1Kb);
const reserve = ReserveStock({ sku: "TEA-0001", units: 2, note });
const reserved = {
  message: StockReserved({ sku: "TEA-0001", units: 2 }),
  id: idOf(2),
  service: "inventory",
  correlation: orderId,
  causation: idOf(1),
  nowMs: 1_767_225_601_000,
  n: 1,
  prv: null,
  re: [idOf(1)],
};

Deno.bench("sign: Ed25519 alone", { group: "sign", baseline: true }, () => {
  sign(null, signedPart, keys.orchestrator.privateKey);
});

Deno.bench("sign: an envelope", { group: "sign" }, () => {
  signEnvelope(commandOf1Kb, keys.orchestrator);
});

Deno.bench("sign: an event and build its claims", { group: "sign" }, () => {
  signEnvelope(eventClaims(reserved), keys.inventory);
});

Deno.bench("verify: Ed25519 alone", { group: "verify", baseline: true }, () => {
  verify(null, signedPart, publicKey, signature);
});

Deno.bench("verify: a delivered command, all steps", { group: "verify" }, () => {
  verifyEnvelope(body, asInventory, delivery);
});

Deno.bench("verify: an event of a feed, all steps", { group: "verify" }, () => {
  verifyEnvelope(eventText, asOrchestrator);
});

Deno.bench("verify: a delivered event, all steps", { group: "verify" }, () => {
  verifyEnvelope(eventBody, asOrchestrator);
});

Deno.bench("canonical: JSON.parse alone", { group: "canonical", baseline: true }, () => {
  JSON.parse(text);
});

Deno.bench("canonical: parse claims and write them again", { group: "canonical" }, () => {
  canonicalJson(JSON.parse(text));
});

Deno.bench("canonical: write claims whose data are out of order", { group: "canonical" }, () => {
  canonicalJson({ ...commandOf1Kb, dat: reserve.data });
});
