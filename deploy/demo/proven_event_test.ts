import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { eventClaims, generateSigningKey, signEnvelope, type SigningKey, signingKeyFromJwk } from "@mesh/envelope";
import { brokenStreams, proveEvents } from "./proven_event.ts";

const orders = keyOf("orders");
const payments = keyOf("payments");
const jwks = { keys: [published("orders", orders), published("payments", payments)] };

function keyOf(service: string): SigningKey & { readonly x: string } {
  const { privateJwk } = generateSigningKey(service);
  return { ...signingKeyFromJwk(service, privateJwk), x: JSON.parse(privateJwk).x };
}

function published(service: string, { kid, x }: ReturnType<typeof keyOf>) {
  return { kty: "OKP", crv: "Ed25519", alg: "Ed25519", use: "sig", kid, x, mesh_service: service };
}

function signed(key: SigningKey, service: string, place: { readonly n: number; readonly prv: string | null }) {
  const claims = eventClaims({
    message: { kind: "event", type: "orders.order-placed", version: 1, key: "order-1", data: { units: 2 } },
    id: `01900000-0000-7000-8000-00000000000${place.n}`,
    service,
    correlation: "01900000-0000-7000-8000-0000000000aa",
    causation: null,
    nowMs: 1_767_225_600_000,
    re: [],
    ...place,
  });
  const { token, hash } = signEnvelope(claims, key);
  return { envelope: token, hash, recordedAt: "2026-01-01T00:00:00.000Z" };
}

const faults = async (...envelopes: readonly string[]) =>
  (await proveEvents(envelopes.map((envelope) => ({ envelope, recordedAt: "2026-01-01T00:00:00.000Z" })), jwks))
    .map(({ fault }) => fault);

Deno.test("an envelope verifies with its signer's published key alone", async () => {
  const { envelope, hash } = signed(orders, "orders", { n: 1, prv: null });
  const [proven] = await proveEvents([{ envelope, recordedAt: "2026-01-01T00:00:00.000Z" }], jwks);

  assertEquals([proven?.fault, proven?.kid, proven?.hash, proven?.claims.dat], [undefined, orders.kid, hash, {
    units: 2,
  }]);
});

Deno.test("an envelope whose payload was changed does not verify", async () => {
  const { envelope } = signed(orders, "orders", { n: 1, prv: null });
  const [header = "", payload = "", signature = ""] = envelope.split(".");
  const changed = atob(payload.replaceAll("-", "+").replaceAll("_", "/")).replace('"units":2', '"units":9');
  const forged = [header, btoa(changed).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", ""), signature];

  assertEquals(await faults(forged.join(".")), ["signature verification failed"]);
});

Deno.test("an envelope that one service signed in the name of another is found out", async () => {
  const { envelope } = signed({ ...payments, service: "orders" }, "orders", { n: 1, prv: null });

  assertEquals(await faults(envelope), ["signer-not-owner"]);
});

Deno.test("an envelope whose key nobody has published does not verify", async () => {
  const { envelope } = signed(keyOf("orders"), "orders", { n: 1, prv: null });

  assertEquals(await faults(envelope), ["no applicable key found in the JSON Web Key Set"]);
});

Deno.test("a stream is broken where an event does not name the one before it, and not where events are left out", async () => {
  const first = signed(orders, "orders", { n: 1, prv: null });
  const second = signed(orders, "orders", { n: 2, prv: first.hash });
  const stray = signed(orders, "orders", { n: 2, prv: second.hash });
  const fourth = signed(orders, "orders", { n: 4, prv: first.hash });
  const broken = async (...events: readonly (typeof first)[]) => brokenStreams(await proveEvents(events, jwks));

  assertEquals([await broken(first, second, fourth), await broken(first, stray)], [[], ["orders/order-1"]]);
});
