import { type LogEntry, type ProgressSource, sources } from "./projections/order_row.ts";
import { streamsOf } from "./projections/orders.ts";

/** How far somebody has read an order's progress: the last position per source. */
export type ProgressId = Readonly<Record<ProgressSource, number>>;

/** Nothing read yet. */
export const noProgress: ProgressId = Object.freeze({ orders: 0, saga: 0, shipping: 0 });

/**
 * Writes an id as events carry it: `<orders>.<saga>.<shipping>`.
 *
 * One number per source and not one for all, because sources come in any order: a single number would differ between a
 * row that grew live and one that was built anew, and a reader who resumes would miss what came late.
 */
export function encodeProgressId(id: ProgressId): string {
  return sources.map((source) => id[source]).join(".");
}

/** @returns `undefined` for anything that is no id of ours. */
export function decodeProgressId(text: string): ProgressId | undefined {
  if (!/^\d{1,9}\.\d{1,9}\.\d{1,9}$/.test(text)) return undefined;
  const [orders = 0, saga = 0, shipping = 0] = text.split(".").map(Number);
  return { orders, saga, shipping };
}

/** @param seen Last position by stream, as the row has it. */
export function progressIdOf(orderId: string, seen: Readonly<Record<string, number>>): ProgressId {
  const streams = streamsOf(orderId);
  const at = (source: ProgressSource) => seen[streams[source]] ?? 0;
  return { orders: at("orders"), saga: at("saga"), shipping: at("shipping") };
}

/** Whether `id` says that more was read than there is: it belongs to another order, or to what was lost. */
export function isAhead(id: ProgressId, of: ProgressId): boolean {
  return sources.some((source) => id[source] > of[source]);
}

/** @returns Whether the two say the same. */
export function isSameProgress(a: ProgressId, b: ProgressId): boolean {
  return sources.every((source) => a[source] === b[source]);
}

/**
 * Puts an order's log into an order for people: as it was caused as far as whole seconds and sources tell.
 *
 * @returns A new list; the end of the order comes last.
 */
export function sortedLog(log: readonly LogEntry[]): readonly LogEntry[] {
  return [...log].sort((a, b) =>
    rankOf(a) - rankOf(b) || a.atMs - b.atMs || sources.indexOf(a.source) - sources.indexOf(b.source) || a.no - b.no
  );
}

/** Placing is the cause of all else, and nothing is done after the end. */
function rankOf({ source, outcome }: LogEntry): number {
  if (source !== "orders") return 1;
  if (outcome === "placed" || outcome === "refused") return 0;
  return outcome.startsWith("cancellation-") ? 1 : 2;
}
