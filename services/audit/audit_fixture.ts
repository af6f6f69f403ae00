import { z } from "zod";
import { type AnyCommand, defineCommand, defineEvent, defineService } from "@mesh/contract";
import {
  commandClaims,
  emitPolicyFrom,
  eventClaims,
  fixedKeyDirectory,
  generateSigningKey,
  keyFile,
  policyIndex,
  signEnvelope,
  type SigningKey,
  type Verifier,
} from "@mesh/envelope";
import type { FeedPage } from "@mesh/store";
import { service as audit } from "./service.ts";

/** A small mesh whose events the audit's tests read: two services that speak, and the audit itself. */

const Order = z.object({ orderId: z.string() });
const key = ({ orderId }: { readonly orderId: string }) => orderId;
export const PlaceOrder = defineCommand("orders.place-order", { version: 1, schema: Order, key });
export const OrderPlaced = defineEvent("orders.order-placed", { version: 1, schema: Order, key });
export const PaymentCaptured = defineEvent("payments.payment-captured", { version: 1, schema: Order, key });

const nothing = { accepts: [], publishes: [], sends: [], subscribes: [], calls: [], internalPort: 9103 };
const orders = defineService({
  ...nothing,
  name: "orders",
  purpose: "orders",
  accepts: [PlaceOrder],
  publishes: [OrderPlaced],
});
const payments = defineService({
  ...nothing,
  name: "payments",
  purpose: "payments",
  publishes: [PaymentCaptured],
  sends: [PlaceOrder],
});
const gateway = defineService({ ...nothing, name: "gateway", purpose: "calls", calls: ["audit"] });

/** Services of the small mesh. */
export const services = [orders, payments, gateway, audit];

/** Keys, policy, and envelopes signed with them. */
export interface SmallMesh {
  readonly verifier: Verifier;
  readonly keyOf: (service: string) => SigningKey;
  /** `<service>.jwks.json` to text. */
  readonly keyFiles: Readonly<Record<string, string>>;
  /** Signs the `n`th event of an order's stream at a service; the one before must have been signed here. */
  event(service: "orders" | "payments", orderId: string, n: number, more?: EventDetails): string;
  command(orderId: string): string;
}

/** What a test may say about an event. */
export interface EventDetails {
  readonly id?: string;
  readonly prv?: string | null;
  readonly actor?: string;
  readonly causation?: string;
  readonly re?: readonly string[];
  /** Signs in the name of the service, with another's key. */
  readonly signedBy?: string;
}

/** Makes a small mesh with fresh keys. */
export function smallMesh(): SmallMesh {
  const keys = new Map(services.map(({ name }) => [name, generateSigningKey(name)]));
  const files = [...keys].map(([name, { publicJwk }]) => keyFile(name, [{ jwk: publicJwk, status: "active" }]));
  const keyFiles = Object.fromEntries(files.map(({ name, text }) => [name, text]));
  const hashes = new Map<string, string>();
  let drawn = 0;
  const nextId = () => `0198d6f0-0000-7000-8000-${String(drawn += 1).padStart(12, "0")}`;
  const keyOf = (service: string) => keys.get(service)!.key;
  return {
    verifier: { keys: fixedKeyDirectory(keyFiles), policy: policyIndex(emitPolicyFrom(services)) },
    keyOf,
    keyFiles,
    event: (service, orderId, n, { id, prv, actor, causation, re, signedBy } = {}) => {
      const contract = service === "orders" ? OrderPlaced : PaymentCaptured;
      const stream = `${service}/${orderId}`;
      const previous = prv !== undefined ? prv : hashes.get(`${stream} ${n - 1}`) ?? null;
      const claims = eventClaims({
        message: contract({ orderId }),
        id: id ?? nextId(),
        service,
        correlation: orderId,
        causation: causation ?? null,
        ...(actor === undefined ? {} : { cause: { subject: actor, via: "gateway" } }),
        nowMs: startMs,
        n,
        prv: previous,
        re: re ?? [],
      });
      const { token, hash } = signEnvelope(claims, { ...keyOf(signedBy ?? service), service });
      hashes.set(`${stream} ${n}`, hash);
      return token;
    },
    command: (orderId) =>
      signEnvelope(
        commandClaims({
          message: PlaceOrder({ orderId }) as AnyCommand,
          id: nextId(),
          service: "payments",
          correlation: orderId,
          causation: null,
          nowMs: startMs,
        }),
        keyOf("payments"),
      ).token,
  };
}

/** When everything in the small mesh happens, in milliseconds since 1970. */
export const startMs = Date.UTC(2026, 0, 1);

/** Changes one character in the middle of an envelope's payload. */
export function altered(envelope: string): string {
  const [header = "", payload = "", signature = ""] = envelope.split(".");
  const at = Math.floor(payload.length / 2);
  const other = payload[at] === "A" ? "B" : "A";
  return [header, payload.slice(0, at) + other + payload.slice(at + 1), signature].join(".");
}

/** A feed in memory: envelopes in order, cursors that count them. */
export interface FakeFeed {
  readonly envelopes: string[];
  /** Cursors of another epoch are refused. */
  epoch: number;
  /** Thrown instead of an answer while set. */
  failure: Error | undefined;
  /** Pages that were asked for. */
  readCount: number;
  read(query: { readonly after: string; readonly limit: number }): FeedPage;
}

/**
 * @param refuse Makes the error for a cursor of another epoch.
 */
export function fakeFeed(refuse: () => Error): FakeFeed {
  const feed: FakeFeed = {
    envelopes: [],
    epoch: 1,
    failure: undefined,
    readCount: 0,
    read: ({ after, limit }) => {
      feed.readCount += 1;
      if (feed.failure !== undefined) throw feed.failure;
      const [epoch = "", at = "0"] = after.split(".");
      if (after !== "" && Number(epoch) !== feed.epoch) throw refuse();
      const from = Number(at);
      const taken = feed.envelopes.slice(from, from + limit);
      const cursorOf = (index: number) => `${feed.epoch}.${index}`;
      return {
        items: taken.map((envelope, index) => ({
          cursor: cursorOf(from + index + 1),
          envelope,
          recordedAtMs: startMs + from + index,
        })),
        next: taken.length === 0 ? after : cursorOf(from + taken.length),
        completeUntilMs: startMs + feed.envelopes.length,
        hasMore: from + taken.length < feed.envelopes.length,
      };
    },
  };
  return feed;
}
