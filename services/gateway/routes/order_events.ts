import { z } from "@hono/zod-openapi";
import { describeRoute } from "../described_route.ts";
import { accountOf } from "../gateway_env.ts";
import type { GatewayParts } from "../gateway_parts.ts";
import { type KnownOrder, orderDocument, progressIdOfOrder } from "../order_document.ts";
import type { OrderWatch } from "../order_watch.ts";
import { progressMessages } from "../progress_messages.ts";
import { isEnded } from "../projections/order_row.ts";
import { notFound, RefusalError } from "../refusal.ts";
import type { RouteTable } from "../route_table.ts";
import { Id } from "../schemas.ts";
import { encodeSse, heartbeat, sseBody } from "../sse.ts";

/** Time between two comments on a quiet stream, in milliseconds; proxies close what is silent for half a minute. */
export const heartbeatMs = 15_000;

const watchOrder = describeRoute({
  method: "get",
  path: "/v1/orders/{orderId}/events",
  scope: "shop",
  tag: "Orders",
  summary: "Streams an order's progress as server-sent events",
  description:
    "`progress` events carry one step each, `order` events the whole order, first and whenever its status may have changed. Resumes after `Last-Event-ID`; an " +
    "id that is not known gives the whole order. The stream ends when the order has, or when the access token does.",
  request: {
    params: z.object({ orderId: Id }),
    headers: z.object({ "last-event-id": z.string().max(100).optional() }),
  },
  answers: {
    200: { description: "The stream", schema: z.string(), mediaType: "text/event-stream" },
    204: { description: "The order has ended and the client knows everything: do not come back" },
  },
});

/** What the stream needs. */
export type OrderEventsParts = Pick<GatewayParts, "orders" | "watch" | "clock" | "config">;

/** The route by which customers watch an order. */
export function addOrderEventsRoute(table: RouteTable, parts: OrderEventsParts): void {
  const { orders, watch, clock, config } = parts;
  const openCounts = new Map<string, number>();
  table.add(watchOrder, async (context) => {
    const { subject, expiresAtMs } = accountOf(context);
    const known = await orders.find(subject, context.req.valid("param").orderId);
    const document = known === undefined ? undefined : orderDocument(known);
    if (known === undefined || document === undefined) throw notFound();
    const lastId = context.req.header("last-event-id");
    const isOver = isEnded(document.status) && progressMessages(known, lastId).length === 0;
    if (isOver) return context.body(null, 204);

    const openCount = openCounts.get(subject) ?? 0;
    if (openCount >= config.streamsPerCustomerMax) throw tooManyStreams();
    openCounts.set(subject, openCount + 1);
    const body = sseBody((signal) => pieces({ known, lastId, watch, signal }), {
      clock,
      // A stream is a request that goes on: it ends with the token that allowed it.
      lifeMs: Math.max(0, expiresAtMs - clock.nowMs()),
      onEnd: () => {
        const left = (openCounts.get(subject) ?? 1) - 1;
        if (left === 0) openCounts.delete(subject);
        else openCounts.set(subject, left);
      },
    });
    return new Response(body, {
      headers: { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" },
    });
  });
}

interface Stream {
  readonly known: KnownOrder;
  readonly lastId: string | undefined;
  readonly watch: OrderWatch;
  readonly signal: AbortSignal;
}

async function* pieces({ known, lastId, watch, signal }: Stream): AsyncGenerator<string, void, void> {
  using watcher = watch.open(known.orderId, progressIdOfOrder(known));
  let current = known;
  let readId = lastId;
  while (!signal.aborted && !watch.isClosed) {
    for (const message of progressMessages(current, readId)) yield encodeSse(message);
    readId = progressIdOfOrder(current);
    if (isEnded(current.read?.row.status ?? "accepted")) return;
    const read = await watcher.next(heartbeatMs, signal);
    if (read !== undefined) current = { ...current, read };
    else if (!signal.aborted && !watch.isClosed) yield heartbeat;
  }
}

function tooManyStreams(): RefusalError {
  return new RefusalError({
    status: 429,
    type: "too-many-streams",
    title: "This account has as many streams open as it may have",
    retryAfterSeconds: 5,
  });
}
