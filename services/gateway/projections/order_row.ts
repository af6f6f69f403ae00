/** Which stream a log entry was read from. */
export type ProgressSource = "orders" | "saga" | "shipping";

/** One line of an order's progress. */
export interface LogEntry {
  readonly source: ProgressSource;
  /** Position of the event in its stream, from 1. */
  readonly no: number;
  /** As the signer saw it, in whole seconds, expressed in milliseconds since 1970. */
  readonly atMs: number;
  /** A step of the saga, or `order` or `shipment`. */
  readonly step: string;
  /** What became of it: `placed`, `started`, `succeeded`, `refused`, `unknown`, `undone` … */
  readonly outcome: string;
  /** Step that follows, where one does. */
  readonly next?: string;
}

/** One line of what was bought. */
export interface OrderLine {
  readonly sku: string;
  readonly units: number;
  readonly unitPriceMinor: number;
  readonly priceEventId: string;
}

/** What was bought, and where it goes. */
export interface Purchase {
  readonly lines: readonly OrderLine[];
  readonly totalMinor: number;
  readonly currency: string;
  readonly addressRef: string;
}

/**
 * An order as its events tell it.
 *
 * Events of the same stream come in order; those of different streams come in any. Each field depends on one stream
 * alone and the log is kept by stream, so a row that is built anew equals the old one whatever came first.
 */
export interface OrderRow {
  readonly orderId: string;
  /** Null until the order is placed or refused: others may ask for things in the name of an order that is not theirs. */
  readonly customerId: string | null;
  /** From the events of `orders` alone. */
  readonly status: "unknown" | "placed" | "refused" | "confirmed" | "rejected" | "cancelled";
  readonly reason: string | null;
  readonly purchase: Purchase | null;
  readonly cancellation: "none" | "requested" | "refused";
  readonly trackingCode: string | null;
  /** Where the saga stood after its last event. */
  readonly saga: { readonly phase: string; readonly step: string | null; readonly needsAttention: boolean } | null;
  /** By source, then in the order of the stream; bounded by source. */
  readonly log: readonly LogEntry[];
}

/** Entries kept per source; the oldest go first. A saga of five steps, turned back, has a dozen. */
export const logEntriesMax = 48;

/** Adds an entry in its place. */
export function withEntry(log: readonly LogEntry[], entry: LogEntry): readonly LogEntry[] {
  const place = sources.indexOf(entry.source);
  let end = log.length;
  while (end > 0 && sources.indexOf(log[end - 1]!.source) > place) end -= 1;
  let from = end;
  while (from > 0 && log[from - 1]!.source === entry.source) from -= 1;
  const kept = Math.max(from, end + 1 - logEntriesMax);
  return [...log.slice(0, from), ...log.slice(kept, end), entry, ...log.slice(end)];
}

/** All sources, in the order in which logs and progress ids name them. */
export const sources: readonly ProgressSource[] = ["orders", "saga", "shipping"];

/** Whether nothing more will become of the order. */
export function isEnded(status: string): boolean {
  return status === "refused" || status === "confirmed" || status === "rejected" || status === "cancelled";
}
