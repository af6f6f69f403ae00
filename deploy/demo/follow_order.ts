import { type Clock, errorCode, UnavailableError } from "@mesh/base";
import type { ShopClient } from "./shop_client.ts";
import type { Customer } from "./storefront.ts";

/** One step of an order's progress, as the storefront tells it. */
export interface ProgressStep {
  readonly at: string;
  readonly step: string;
  readonly outcome: string;
  readonly next?: string;
}

/** The whole order, as the storefront tells it; as much of it as the demo looks at. */
export interface SeenOrder {
  readonly orderId: string;
  readonly status: string;
  readonly reason?: string;
  readonly currency: string;
  readonly totalMinor: number;
  readonly progress: readonly ProgressStep[];
}

/** What comes through an order's stream. */
export type OrderNews =
  | { readonly kind: "progress"; readonly step: ProgressStep }
  | { readonly kind: "order"; readonly order: SeenOrder };

/** Whose order to follow, and how. */
export interface Following {
  readonly client: ShopClient;
  readonly customer: Customer;
  readonly clock: Clock;
  /** Ends the following. */
  readonly signal: AbortSignal;
}

/** Wait before a lost stream is opened again. */
const reopenMs = 300;
/** Streams opened for one order at most: each resumes, so ten in a row without an end mean that something is broken. */
const openingsMax = 10;

/**
 * Follows an order by its stream of server-sent events until it has ended, and resumes where a stream breaks off.
 *
 * @throws {UnavailableError} If the stream breaks off ten times.
 * @throws {ShopRefusal} If the shop refuses it.
 */
export async function* followOrder(
  orderId: string,
  { client, customer, clock, signal }: Following,
): AsyncGenerator<OrderNews, void, void> {
  let lastId: string | undefined;
  for (let openings = 0; openings < openingsMax && !signal.aborted; openings += 1) {
    if (openings > 0) await clock.delay(reopenMs, signal);
    try {
      const response = await client.open({
        method: "GET",
        path: `/v1/orders/${orderId}/events`,
        token: await customer.token(),
        ...(lastId === undefined ? {} : { headers: { "last-event-id": lastId } }),
      }, signal);
      if (response.status === 204 || response.body === null) return;
      for await (const event of serverSentEvents(response.body)) {
        lastId = event.id;
        const news = newsOf(event);
        if (news === undefined) continue;
        yield news;
        if (news.kind === "order" && isEnded(news.order.status)) return;
      }
    } catch (error) {
      if (signal.aborted) return;
      // A stream that breaks off is opened again; whatever else happens is told.
      if (errorCode(error) !== "dependency.unavailable" && !(error instanceof TypeError)) throw error;
    }
  }
  if (!signal.aborted) {
    throw new UnavailableError(`Cannot follow order ${orderId}: its stream broke off ${openingsMax} times`);
  }
}

/** @returns Whether nothing more becomes of an order with this status. */
export function isEnded(status: string): boolean {
  return ["refused", "confirmed", "rejected", "cancelled"].includes(status);
}

/** One server-sent event. */
export interface ServerSentEvent {
  readonly event: string;
  readonly id: string;
  readonly data: string;
}

/** Reads a stream of server-sent events (WHATWG HTML 9.2.6); comments are left out. */
export async function* serverSentEvents(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<ServerSentEvent, void, void> {
  let rest = "";
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + text).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const fields = new Map(
        block.split("\n").flatMap((line) => {
          const at = line.indexOf(":");
          return at < 1 ? [] : [[line.slice(0, at), line.slice(at + 1).replace(/^ /, "")] as const];
        }),
      );
      const data = fields.get("data");
      if (data !== undefined) yield { event: fields.get("event") ?? "message", id: fields.get("id") ?? "", data };
    }
  }
}

function newsOf({ event, data }: ServerSentEvent): OrderNews | undefined {
  if (event === "progress") return { kind: "progress", step: JSON.parse(data) };
  if (event === "order") return { kind: "order", order: JSON.parse(data) };
  return undefined;
}
