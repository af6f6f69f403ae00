import { type IdSource, systemIds, UnavailableError } from "@mesh/base";
import { waitFor } from "../harness/mod.ts";
import { readSse, type SseEvent } from "./read_sse.ts";

/** One line of an order as a customer asks for it. */
export interface WantedLine {
  readonly sku: string;
  readonly units: number;
}

/** What a customer asks for. */
export interface WantedOrder {
  readonly lines: readonly WantedLine[];
  /** The payment provider's word; `pm_card_visa` when absent. */
  readonly paymentMethod?: string;
  /** The customer's address when absent. */
  readonly addressRef?: string;
}

/** An order as the storefront shows it; as much as tests look at. */
export interface SeenOrder {
  readonly orderId: string;
  readonly status: string;
  readonly reason?: string;
  readonly totalMinor: number;
  readonly cancellation?: string;
  readonly trackingCode?: string;
  readonly progress: readonly { readonly step: string; readonly outcome: string }[];
}

/** An answer, its body read. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed JSON; undefined where there was none. */
  readonly body: unknown;
}

/** A person with an access token. */
export interface Visitor {
  readonly token: string;
  request(method: string, path: string, options?: RequestOptions): Promise<Answer>;
}

/** Somebody who has an account and an address. */
export interface Customer extends Visitor {
  readonly addressRef: string;
  /** Asks for an order. @param key `Idempotency-Key`; a new one when absent. */
  ask(order: WantedOrder, key?: string): Promise<Answer>;
  /** Asks for an order. @returns Its id. @throws {UnavailableError} On any other answer than 202. */
  place(order: WantedOrder): Promise<string>;
  cancel(orderId: string): Promise<Answer>;
  see(orderId: string): Promise<SeenOrder>;
  /** Waits until the order has ended. */
  untilEnded(orderId: string, limitMs?: number): Promise<SeenOrder>;
  /** Waits until the last 100 orders of the customer have all ended. */
  untilAllEnded(limitMs?: number): Promise<readonly SeenOrder[]>;
  /** Opens the order's stream; it ends with the order. */
  watch(orderId: string, lastId?: string): Promise<{ readonly status: number; readonly events: readonly SseEvent[] }>;
}

/** What a request may carry. */
export interface RequestOptions {
  readonly body?: unknown;
  /** Sent as it is, in place of `body`. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Who logs in. */
export interface Login {
  readonly email: string;
  readonly password: string;
}

const ids: IdSource = systemIds();
const ended = new Set(["refused", "confirmed", "rejected", "cancelled"]);

/** 15 s: the gateway answers within 10, whatever happens behind it. */
const requestLimitMs = 15_000;

/** Sends one request and reads the whole answer. @throws {UnavailableError} If nobody answers. */
export async function send(url: string, method: string, options: RequestOptions = {}): Promise<Answer> {
  const { body, text = body === undefined ? undefined : JSON.stringify(body), headers = {} } = options;
  try {
    const response = await fetch(url, {
      method,
      headers: { ...(text === undefined ? {} : { "content-type": "application/json" }), ...headers },
      ...(text === undefined ? {} : { body: text }),
      signal: AbortSignal.timeout(requestLimitMs),
    });
    const read = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json") === true;
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(read) : undefined };
  } catch (cause) {
    throw new UnavailableError(`Cannot ${method} ${url}: no answer`, { cause, dependency: "gateway" });
  }
}

/** Logs in. @throws {UnavailableError} On any other answer than 200. */
export async function logIn(shopUrl: string, { email, password }: Login): Promise<Visitor> {
  const answer = await send(`${shopUrl}/v1/sessions`, "POST", { body: { email, password } });
  if (answer.status !== 200) throw unexpected("log in", answer);
  const { accessToken: token } = answer.body as { accessToken: string };
  return {
    token,
    request: (method, path, { headers, ...rest } = {}) =>
      send(`${shopUrl}${path}`, method, { ...rest, headers: { authorization: `Bearer ${token}`, ...headers } }),
  };
}

/** How somebody new comes. */
export interface NewCustomerOptions {
  /** A new one when absent. */
  readonly email?: string;
  /** Hears of every order that was answered with 202. */
  readonly onAccepted?: (orderId: string) => void;
}

/** Registers somebody new, who logs in and moves in. */
export async function newCustomer(shopUrl: string, options: NewCustomerOptions = {}): Promise<Customer> {
  const { email = `${ids.next()}@buyers.test`, onAccepted = () => {} } = options;
  const login = { email, password: "a-long-enough-secret" };
  const registered = await send(`${shopUrl}/v1/accounts`, "POST", { body: { ...login, displayName: "A Buyer" } });
  if (registered.status !== 202) throw unexpected("register", registered);
  // The account is made in the background: the answer must not tell whether the address was taken.
  const visitor = await waitFor("the new account", () => logIn(shopUrl, login));
  const added = await visitor.request("POST", "/v1/me/addresses", {
    headers: { "idempotency-key": ids.next() },
    body: { recipient: "A Buyer", lines: ["1 Market Street"], postalCode: "12345", city: "Seoul", countryCode: "KR" },
  });
  if (added.status !== 201) throw unexpected("add an address", added);
  const { addressRef } = added.body as { addressRef: string };
  return customerOf(shopUrl, visitor, { addressRef, onAccepted });
}

function customerOf(
  shopUrl: string,
  visitor: Visitor,
  { addressRef, onAccepted }: { readonly addressRef: string; readonly onAccepted: (orderId: string) => void },
): Customer {
  const ask = async (order: WantedOrder, key = ids.next()) => {
    const answer = await visitor.request("POST", "/v1/orders", {
      headers: { "idempotency-key": key },
      body: { addressRef, paymentMethod: "pm_card_visa", ...order },
    });
    if (answer.status === 202) onAccepted((answer.body as { orderId: string }).orderId);
    return answer;
  };
  const see = async (orderId: string) => {
    const answer = await visitor.request("GET", `/v1/orders/${orderId}`);
    if (answer.status !== 200) throw unexpected(`see order ${orderId}`, answer);
    return answer.body as SeenOrder;
  };
  return {
    ...visitor,
    addressRef,
    ask,
    place: async (order) => {
      const answer = await ask(order);
      if (answer.status !== 202) throw unexpected("place an order", answer);
      return (answer.body as { orderId: string }).orderId;
    },
    cancel: (orderId) =>
      visitor.request("POST", `/v1/orders/${orderId}/cancellation`, { headers: { "idempotency-key": ids.next() } }),
    see,
    untilEnded: (orderId, limitMs) =>
      waitFor(`the end of order ${orderId}`, async () => {
        const order = await see(orderId);
        return ended.has(order.status) && order;
      }, limitMs),
    untilAllEnded: (limitMs) =>
      waitFor("the end of the customer's orders", async () => {
        const { body } = await visitor.request("GET", "/v1/orders?limit=100");
        const { items } = body as { items: readonly SeenOrder[] };
        return items.every(({ status }) => ended.has(status)) && items;
      }, limitMs),
    watch: (orderId, lastId) =>
      readSse(`${shopUrl}/v1/orders/${orderId}/events`, {
        authorization: `Bearer ${visitor.token}`,
        ...(lastId === undefined ? {} : { "last-event-id": lastId }),
      }),
  };
}

/** A product on the shelf. */
export interface StockedProduct {
  readonly sku: string;
  readonly units: number;
  readonly priceMinor?: number;
}

/** Puts a product on sale, as staff do, and waits until the storefront shows it and its stock is counted. */
export async function stock(
  staff: Visitor,
  { sku, units, priceMinor = 1_000 }: StockedProduct,
  isCounted: () => Promise<boolean>,
): Promise<void> {
  const about = `/v1/staff/products/${sku}`;
  const write = async (method: string, path: string, body: unknown) => {
    const answer = await staff.request(method, path, { body, headers: { "idempotency-key": ids.next() } });
    if (answer.status !== 202) throw unexpected(`stock ${sku}`, answer);
  };
  await write("POST", `${about}/stock-counts`, { warehouse: "busan", unitsOnHand: units });
  const product = { name: sku, description: "", priceMinor, currency: "EUR", isListed: true };
  await write("PUT", about, product);
  await waitFor(`${sku} on sale`, async () => (await staff.request("GET", `/v1/products/${sku}`)).status === 200);
  await waitFor(`the count of ${sku}`, isCounted);
}

function unexpected(what: string, { status, body }: Answer): UnavailableError {
  return new UnavailableError(`Cannot ${what}: status ${status}, ${JSON.stringify(body)}`, { dependency: "gateway" });
}
