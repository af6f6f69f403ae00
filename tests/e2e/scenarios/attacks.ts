import { systemClock, systemIds } from "@mesh/base";
import type { AnyCommand } from "@mesh/contract";
import { commandClaims, type EnvelopeClaims, eventClaims, generateSigningKey, type SigningKey } from "@mesh/envelope";
import { ReserveStock } from "@shop/inventory";
import { ConfirmOrder, PlaceOrder } from "@shop/orders";
import { PaymentCaptured } from "@shop/payments";
import { ShipmentArranged } from "@shop/shipping";
import { forged, type RogueMessage, signedText } from "./rogue_client.ts";

/** One hostile message, and what must become of it. */
export interface Attack {
  readonly name: string;
  /** Whose mailbox it lands in. */
  readonly receiver: "orders" | "inventory" | "orchestrator";
  readonly class: "untrusted" | "contract";
  readonly reason: string;
  /** Whose login it is published with. */
  readonly login: "gateway" | "shipping";
  readonly message: RogueMessage;
}

/** A genuine message that the attacker has seen. */
export interface Captured {
  readonly claims: EnvelopeClaims;
  readonly token: string;
}

/** Private keys that the attacker has stolen, by service. */
export type StolenKeys = Readonly<Record<"gateway" | "orchestrator" | "shipping", SigningKey>>;

type Purchase = Parameters<typeof PlaceOrder>[0];

const ids = systemIds();

/** Signs a genuine order, as the gateway would. */
export function genuineOrder(purchase: Omit<Purchase, "orderId">, { gateway }: StolenKeys): Captured {
  const claims = orderClaims(purchase);
  return { claims, token: forged(claims, gateway) };
}

/** How a message is published in the usual way. */
export function asAddressed({ claims: { dst, jti, evt }, token }: Captured): RogueMessage {
  return { exchange: dst.x, routingKey: dst.rk, body: token, messageId: jti, type: evt };
}

/**
 * Everything that somebody can say with the gateway's login at the broker and the keys of some services.
 *
 * @param genuine A message that was handled already.
 */
export function attacksOn(purchase: Omit<Purchase, "orderId">, genuine: Captured, keys: StolenKeys): readonly Attack[] {
  const { gateway, orchestrator } = keys;
  const stranger = generateSigningKey("gateway").key;
  const order = (change: Partial<EnvelopeClaims> = {}) => ({ ...orderClaims(purchase), ...change });
  const { claims: { jti, dat, dst }, token } = genuine;
  const [header, payload, signature] = token.split(".") as [string, string, string];
  const otherSignature = `${signature[0] === "A" ? "B" : "A"}${signature.slice(1)}`;
  const confirm = claimsOf(ConfirmOrder({ orderId: ids.next(), customerId: purchase.customerId }), "gateway");
  const reserve = claimsOf(ReserveStock({ orderId: ids.next(), sku: "HOS-0001", units: 1 }), "orchestrator");
  const counting = { exchange: dst.x, routingKey: "inventory.count-stock.v1.k00" };
  const on = (name: string, reason: string, body: string, more: Partial<RogueMessage> = {}): Attack => {
    const message = { ...asAddressed(genuine), messageId: ids.next(), body, ...more };
    return { name, reason, receiver: "orders", class: "untrusted", login: "gateway", message };
  };
  const signed = (
    name: string,
    reason: string,
    claims: EnvelopeClaims,
    key = gateway,
    more: Partial<RogueMessage> = {},
  ) => on(name, reason, forged(claims, key), { messageId: claims.jti, type: claims.evt, ...more });
  const elsewhere = (attack: Attack): Attack => ({ ...attack, receiver: "inventory" });
  return [
    on("no envelope at all", "malformed", JSON.stringify(dat)),
    on("not signed", "malformed", `${header}.${payload}.`),
    on("signed with something else", "bad-signature", `${header}.${payload}.${otherSignature}`),
    on("too large", "oversized", `${token}${"A".repeat(48 * 1024)}`),
    on("not in canonical form", "not-canonical", signedText(JSON.stringify(order(), null, 1), gateway)),
    signed("signed with a key that nobody knows", "unknown-key", order(), stranger),
    signed("signed in another service's name", "signer-not-owner", order({ iss: "orders" })),
    signed("what its signer may not say", "not-allowed", confirm),
    signed(
      "signed for another place than it leads to",
      "wrong-destination",
      order({ dst: { ...dst, rk: confirm.dst.rk } }),
    ),
    signed("sent under another id", "property-mismatch", order(), gateway, { messageId: ids.next() }),
    signed("the id of a handled message with other content", "replayed-id", order({ jti })),
    {
      ...signed("off its schema", "schema", order({ dat: { ...dat as object, paymentMethod: 7 } })),
      class: "contract",
    },
    elsewhere(signed("sent to another mailbox", "wrong-audience", order(), gateway, counting)),
    elsewhere(signed("captured and published by another", "property-mismatch", reserve, orchestrator, counting)),
    eventOfAnother(keys),
  ];
}

/** The shipping service's login and key, and a word that only `payments` may say. */
function eventOfAnother({ shipping }: StolenKeys): Attack {
  const orderId = ids.next();
  const common = {
    id: ids.next(),
    service: "shipping",
    correlation: orderId,
    causation: null,
    nowMs: systemClock.nowMs(),
    n: 1,
    prv: null,
    re: [],
  };
  const paid = { orderId, amountMinor: 100, currency: "EUR", postings: [] };
  const claims = eventClaims({ ...common, message: PaymentCaptured(paid) });
  const own = eventClaims({ ...common, message: ShipmentArranged({ orderId, trackingCode: "JT1" }) });
  return {
    name: "an event that another service owns",
    // The type names its owner, so this is refused before any policy is asked.
    reason: "bad-claims",
    receiver: "orchestrator",
    class: "untrusted",
    login: "shipping",
    message: { ...asAddressed({ claims, token: forged(claims, shipping, "event") }), routingKey: own.dst.rk },
  };
}

function orderClaims(purchase: Omit<Purchase, "orderId">): EnvelopeClaims {
  return claimsOf(PlaceOrder({ ...purchase, orderId: ids.next() }), "gateway");
}

function claimsOf(message: AnyCommand, service: string): EnvelopeClaims {
  return commandClaims({
    message,
    id: ids.next(),
    service,
    correlation: message.key,
    causation: null,
    nowMs: systemClock.nowMs(),
  });
}
