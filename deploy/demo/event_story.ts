import type { EventClaims } from "./proven_event.ts";

type Data = EventClaims["dat"];

/**
 * Says in a few words what an event is about.
 *
 * @returns Empty for an event whose name says it all.
 *
 * @example
 * ```ts
 * import { strictEqual as assertEquals } from "node:assert/strict";
 * import { storyOf } from "./event_story.ts";
 *
 * const dat = { sku: "TEA-0001", units: 2, unitsFree: 8 };
 * assertEquals(storyOf({ evt: "inventory.stock-reserved", dat }), "2 × TEA-0001, 8 left");
 * ```
 */
export function storyOf({ evt, dat }: Pick<EventClaims, "evt" | "dat">): string {
  return stories[evt]?.(dat) ?? "";
}

const stories: Readonly<Record<string, (dat: Data) => string>> = {
  "orders.order-placed": ({ lines, totalMinor, currency }) =>
    `${lineList(lines)}, ${amountText(Number(totalMinor), String(currency))}`,
  "orders.order-refused": ({ reason }) => `${reason}`,
  "orders.order-rejected": ({ reason, failedStep }) => `${reason}, at ${failedStep}`,
  "inventory.stock-reserved": ({ sku, units, unitsFree }) => `${units} × ${sku}, ${unitsFree} left`,
  "inventory.stock-refused": ({ sku, units, unitsFree }) => `${units} × ${sku}: only ${unitsFree} left`,
  "inventory.stock-released": ({ sku, units, unitsFree }) => `${units} × ${sku} given back, ${unitsFree} left`,
  "inventory.stock-shipped-out": ({ sku, units, unitsFree }) => `${units} × ${sku}, ${unitsFree} left`,
  "payments.authorization-requested": money,
  "payments.payment-authorized": money,
  "payments.payment-captured": money,
  "payments.payment-refunded": money,
  "payments.payment-declined": ({ reason }) => `${reason}`,
  "payments.capture-refused": ({ reason }) => `${reason}`,
  "payments.void-refused": ({ reason }) => `${reason}`,
  "payments.refund-refused": ({ reason }) => `${reason}`,
  "shipping.shipment-arranged": ({ trackingCode }) => `tracking code ${trackingCode}`,
  "shipping.shipment-refused": ({ reason }) => `${reason}`,
  "notifications.notice-requested": ({ kind }) => `${kind}`,
  "notifications.notice-sent": ({ kind }) => `${kind}`,
  "notifications.notice-refused": ({ kind, reason }) => `${kind}: ${reason}`,
  "orchestrator.saga-advanced": sagaStory,
  "orchestrator.saga-operated": sagaStory,
};

/** @returns For example `12.90 EUR`. */
export function amountText(amountMinor: number, currency: string): string {
  const digits = new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ??
    2;
  return `${(amountMinor / 10 ** digits).toFixed(digits)} ${currency}`;
}

function money({ amountMinor, currency }: Data): string {
  return amountMinor === undefined ? "" : amountText(Number(amountMinor), String(currency));
}

function lineList(lines: unknown): string {
  return (lines as readonly { readonly units: number; readonly sku: string }[])
    .map(({ units, sku }) => `${units} × ${sku}`).join(", ");
}

/** What came, and what was asked for because of it. */
function sagaStory({ input, asked, phase, step, failure }: Data): string {
  const { kind, type, act } = input as { kind: string; type?: string; act?: { name: string } };
  const heard = act !== undefined
    ? `operator: ${act.name}`
    : kind === "deadline"
    ? "nobody answered"
    : nameOf(type ?? "");
  const asks = (asked as readonly { readonly type: string; readonly direction: string }[]).map(({ type, direction }) =>
    `${direction === "undo" ? "undoes by " : ""}${nameOf(type)}`
  );
  const counted = [...Map.groupBy(asks, (text) => text)].map(([text, all]) =>
    all.length === 1 ? text : `${all.length} × ${text}`
  );
  if (counted.length > 0) return `${heard} → ${counted.join(", ")}`;
  if (phase === "completed" || phase === "rejected") return `${heard} → ${phase}`;
  const why = failure === undefined ? "" : ` (${(failure as { readonly reason: string }).reason})`;
  return `${heard}, waits for more at ${step}${why}`;
}

/** `inventory.stock-reserved` without its service. */
function nameOf(type: string): string {
  return type.slice(type.indexOf(".") + 1);
}
