import { canonicalJson, signEnvelope, verifyEnvelope } from "./mod.ts";
import { asInventory, commandFixture, deliveryOf, keys } from "./test_world.ts";

const { token } = signEnvelope(commandFixture, keys.orchestrator);
const body = new TextEncoder().encode(token);
const delivery = deliveryOf(commandFixture);
const text = canonicalJson(commandFixture);

Deno.bench("write canonical claims", () => {
  canonicalJson(commandFixture);
});

Deno.bench("parse claims and write them again", () => {
  canonicalJson(JSON.parse(text));
});

Deno.bench("sign an envelope", () => {
  signEnvelope(commandFixture, keys.orchestrator);
});

Deno.bench("verify an envelope, all steps", () => {
  verifyEnvelope(body, asInventory, delivery);
});
