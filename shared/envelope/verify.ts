import { ContractError, MeshError } from "@mesh/base";
import { type ContractRegistry, destinationOf, type MessageKind, parseData } from "@mesh/contract";
import { keyOfSubject, versionOf } from "./claim_rules.ts";
import { proveEnvelope, refuse } from "./codec.ts";
import { type Envelope, type EnvelopeClaims, verified } from "./envelope.ts";
import { typOf } from "./header.ts";
import type { KeyDirectory, KnownKey } from "./key_directory.ts";
import type { PolicyIndex } from "./policy.ts";
import type { Receiver } from "./receiver.ts";

/** What a verifier knows and who it is. */
export interface Verifier {
  readonly keys: KeyDirectory;
  readonly policy: PolicyIndex;
  /** Absent for the auditor, who takes every event and no command is refused for being somebody else's. */
  readonly receiver?: Receiver;
  /** Contracts of everything this receiver takes; absent for the auditor, who checks no schema. */
  readonly contracts?: ContractRegistry;
  /**
   * Says whether something besides the envelope proves that it was signed before its key retired: a row of one's own, a
   * leaf of the log. Absent means that nothing from a retired key is taken.
   */
  readonly wasSignedInTime?: (
    envelope: { readonly id: string; readonly hash: string; readonly kid: string },
  ) => boolean;
}

/** What the broker says about a delivery; hints until they agree with the envelope. */
export interface DeliveryFacts {
  readonly messageId: string | undefined;
  readonly type: string | undefined;
  /** The broker user that published it. */
  readonly userId: string | undefined;
  /** Exchange of the last hop; empty when it came back through the default exchange. */
  readonly exchange: string;
}

/**
 * Proves an envelope: form, header, key, signature, claims, signer, policy, destination, delivery, schema, in that order.
 *
 * Works on the received bytes; nothing is re-serialised and passed on. `exp` is not judged here but in the handler's
 * transaction, with the database's clock; deduplication belongs to the inbox.
 *
 * @param body Compact JWS as received, with a signature of its own or a place in a batch.
 * @param verifier Keys, policy, and who is receiving.
 * @param delivery What the broker said; absent for envelopes that were read from a feed.
 * @returns The envelope with its data parsed against the contract, unknown fields dropped.
 * @throws {TrustError} With a {@link RefusalReason}. The message never quotes the token.
 * @throws {ContractError} Reason `unknown-type` or `schema`.
 *
 * @example From a service's definition to a proven event
 * ```ts
 * import { strictEqual as assertEquals, throws } from "node:assert/strict";
 * import { z } from "zod";
 * import { defineEvent, defineService } from "@mesh/contract";
 * import * as envelope from "@mesh/envelope";
 *
 * const schema = z.object({ orderId: z.string() });
 * const OrderPlaced = defineEvent("orders.order-placed", { version: 1, schema, key: ({ orderId }) => orderId });
 * const orders = defineService({
 *   name: "orders", purpose: "Keeps orders", internalPort: 9103,
 *   accepts: [], publishes: [OrderPlaced], sends: [], subscribes: [], calls: [],
 * });
 * const { key, publicJwk } = envelope.generateSigningKey("orders");
 * const { name, text } = envelope.keyFile("orders", [{ jwk: publicJwk, status: "active" }]);
 * const auditor = {
 *   keys: envelope.fixedKeyDirectory({ [name]: text }),
 *   policy: envelope.policyIndex(envelope.emitPolicyFrom([orders])),
 * };
 *
 * const { token } = envelope.signEnvelope(
 *   envelope.eventClaims({
 *     message: OrderPlaced({ orderId: "o-1" }),
 *     id: "01900000-0000-7000-8000-000000000001",
 *     service: "orders", correlation: "o-1", causation: null, nowMs: 0, n: 1, prv: null, re: [],
 *   }),
 *   key,
 * );
 * assertEquals(envelope.verifyEnvelope(token, auditor).key, "o-1");
 * throws(() => envelope.verifyEnvelope(`${token}A`, auditor), { code: "envelope.untrusted" });
 * ```
 * @see RFC 7515 5.2, RFC 8725
 */
export function verifyEnvelope(body: Uint8Array | string, verifier: Verifier, delivery?: DeliveryFacts): Envelope {
  const { token, hash, kid, kind, signer, claims } = proveEnvelope(body, verifier.keys);
  checkSigner(claims, signer, hash, verifier);
  checkPolicy(claims, kind, verifier.policy);
  const version = versionOf(claims);
  const key = keyOfSubject(claims.sub);
  checkDestination(claims, { kind, version, key }, verifier.receiver);
  if (delivery !== undefined) checkDelivery(claims, delivery, verifier.receiver);
  const data = verifier.contracts === undefined
    ? claims.dat
    : readData(claims, { kind, version, key }, verifier.contracts);
  return { kind, claims, token, hash, kid, type: claims.evt, version, key, data, [verified]: true };
}

/**
 * Proves an envelope and, where its key is unknown, reads the key directory once more before giving up: a key may be
 * younger than the last reading.
 *
 * @throws {UnavailableError} If the key is unknown and the directory cannot be read: nobody can tell now.
 * @throws {TrustError} As {@link verifyEnvelope}.
 * @throws {ContractError} As {@link verifyEnvelope}.
 */
export async function verifyWithRefresh(
  body: Uint8Array | string,
  verifier: Verifier,
  delivery?: DeliveryFacts,
): Promise<Envelope> {
  try {
    return verifyEnvelope(body, verifier, delivery);
  } catch (error) {
    if (!(error instanceof MeshError) || error.reason !== "unknown-key") throw error;
    if (!(await verifier.keys.refresh())) throw error;
    return verifyEnvelope(body, verifier, delivery);
  }
}

interface Address {
  readonly kind: MessageKind;
  readonly version: number;
  readonly key: string;
}

function checkSigner({ iss, jti }: EnvelopeClaims, signer: KnownKey, hash: string, verifier: Verifier): void {
  if (signer.service !== iss) refuse("signer-not-owner", `"${signer.service}" signed in the name of "${iss}"`);
  if (signer.status === "active") return;
  if (verifier.wasSignedInTime?.({ id: jti, hash, kid: signer.kid }) === true) return;
  refuse("key-retired", `key "${signer.kid}" of "${iss}" is retired`);
}

function checkPolicy({ iss, sch, aud }: EnvelopeClaims, kind: MessageKind, policy: PolicyIndex): void {
  const audience = policy.audienceOf(iss, typOf(kind), sch);
  if (audience === undefined) refuse("not-allowed", `"${iss}" may not say ${kind} "${sch}"`);
  if (audience !== aud[0]) refuse("wrong-audience", `"${iss}" may say "${sch}" to "${audience}", not to "${aud[0]}"`);
}

function checkDestination(claims: EnvelopeClaims, { kind, version, key }: Address, receiver?: Receiver): void {
  const { evt: type, cor: correlation, dst, aud } = claims;
  const destination = destinationOf({ kind, type, version, key, correlation });
  if (destination.exchange !== dst.x || destination.routingKey !== dst.rk) {
    refuse("wrong-destination", "type, key and correlation lead elsewhere than to its destination");
  }
  if (receiver === undefined) return;
  if (kind === "command" && aud[0] !== receiver.service) {
    refuse("wrong-audience", `it is for "${aud[0]}", not for "${receiver.service}"`);
  }
  if (!receiver.subscribes(destination, { type, version })) {
    refuse("wrong-destination", `"${receiver.service}" has no binding for "${dst.rk}"`);
  }
}

function checkDelivery({ jti, evt, iss }: EnvelopeClaims, delivery: DeliveryFacts, receiver?: Receiver): void {
  const { messageId, type, userId, exchange } = delivery;
  if (messageId !== jti) refuse("property-mismatch", "message_id is not its id");
  if (type !== evt) refuse("property-mismatch", "type is not its type");
  if (userId === iss) return;
  // The way back from a retry tier or a redrive: the receiver itself published it again.
  if (exchange === "" && userId !== undefined && userId === receiver?.service) return;
  refuse("property-mismatch", `"${userId ?? "nobody"}" published what "${iss}" signed`);
}

function readData(claims: EnvelopeClaims, { kind, version, key }: Address, contracts: ContractRegistry): unknown {
  const contract = contracts.find(claims.evt, version);
  if (contract === undefined || contract.kind !== kind) {
    throw new ContractError(`Cannot read message: ${kind} "${claims.sch}" is unknown here`, { reason: "unknown-type" });
  }
  const data: unknown = parseData(contract, claims.dat);
  if (contract.keyOf(data) !== key) {
    refuse("wrong-destination", "its data are about another actor than it is addressed to");
  }
  return data;
}
