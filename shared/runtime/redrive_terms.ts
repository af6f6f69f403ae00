import type { Cause } from "@mesh/actor";
import { z } from "zod";

/** Which dead letters a redrive is about; what is absent does not narrow. */
export const RedriveSelection = z.strictObject({
  ids: z.array(z.uuid()).min(1).max(1_000).optional(),
  class: z.enum(["untrusted", "contract", "defect", "exhausted", "broker"]).optional(),
  type: z.string().max(200).optional(),
  /** Reason word of the letters. */
  letterReason: z.string().max(200).optional(),
  correlation: z.string().max(300).optional(),
  /** Key of the actor that the message is for, or about. */
  key: z.string().max(300).optional(),
  sinceMs: z.int().min(0).optional(),
  untilMs: z.int().min(0).optional(),
  /** The oldest so many. */
  limit: z.int().min(1).max(10_000).default(1_000),
});

/** How fast a redrive may go, and when it stops by itself. */
export const RedriveLimits = z.strictObject({
  /** The largest batch; the first one is of 1, and each that was handled wholly is followed by one twice as large. */
  batchMax: z.int().min(1).max(256).default(64),
  /** Messages a second. */
  ratePerSecond: z.number().min(0.01).max(1_000).default(10),
  /** Messages of one flow (of an order) that may be under way at once. */
  perCorrelationMax: z.int().min(1).max(100).default(1),
  /** Share of messages that may die again; above it the redrive stops. */
  failureShareMax: z.number().min(0).max(1).default(0.2),
  /** Outcomes that must be known before that share says anything. */
  sampleMin: z.int().min(1).max(1_000).default(5),
  /** A message that was not heard of for so long counts as failed. 30 minutes: six attempts through the tiers take 21. */
  outcomeWithinMs: z.int().min(1_000).max(86_400_000).default(1_800_000),
});

/** See {@link RedriveSelection}. */
export type RedriveSelection = z.output<typeof RedriveSelection>;
/** See {@link RedriveLimits}. */
export type RedriveLimits = z.output<typeof RedriveLimits>;

/** What a redrive was ordered with, as it is stored. */
export interface RedriveTerms {
  readonly selection: RedriveSelection;
  readonly limits: RedriveLimits;
  readonly by: Cause;
}

/** How far a redrive is, as it is stored. */
export interface RedriveProgress {
  /** Number of the batch under way, from 1; 0 before the first. */
  readonly batch: number;
  readonly batchSize: number;
  /** Letters of the batch that are still to be taken. */
  readonly batchLeft: number;
  readonly batchFailures: number;
  /** Outcomes since the start, or since it was resumed. */
  readonly handled: number;
  readonly failures: number;
}

/** A redrive that has not begun, or begins anew with a single message. */
export const redriveBegins: RedriveProgress = Object.freeze({
  batch: 0,
  batchSize: 0,
  batchLeft: 0,
  batchFailures: 0,
  handled: 0,
  failures: 0,
});

/** Adds outcomes that have become known. */
export function withOutcomes(
  progress: RedriveProgress,
  { handled, failures }: { readonly handled: number; readonly failures: number },
): RedriveProgress {
  return {
    ...progress,
    handled: progress.handled + handled,
    failures: progress.failures + failures,
    batchFailures: progress.batchFailures + failures,
  };
}

/** Says whether so much has failed that nothing more may be taken. */
export function failsTooOften(
  { handled, failures }: RedriveProgress,
  { failureShareMax, sampleMin }: RedriveLimits,
): boolean {
  const sample = handled + failures;
  return sample >= sampleMin && failures / sample > failureShareMax;
}

/** Begins the next batch: twice as large, unless something of the last one failed. */
export function nextBatch(progress: RedriveProgress, { batchMax }: RedriveLimits): RedriveProgress {
  const { batch, batchSize, batchFailures } = progress;
  const size = batchFailures > 0 ? batchSize : Math.min(Math.max(batchSize * 2, 1), batchMax);
  return { ...progress, batch: batch + 1, batchSize: size, batchLeft: size, batchFailures: 0 };
}

/**
 * Chooses what is taken now: in order, passing over what would put too much of one flow under way.
 *
 * @param waiting In the order of the redrive.
 * @param underWay Flows of what is under way, one for each message.
 */
export function portionOf<Item extends { readonly correlation: string }>(
  waiting: readonly Item[],
  underWay: readonly string[],
  { countMax, perCorrelationMax }: { readonly countMax: number; readonly perCorrelationMax: number },
): readonly Item[] {
  const counts = new Map<string, number>();
  const add = (correlation: string) => counts.set(correlation, (counts.get(correlation) ?? 0) + 1);
  for (const correlation of underWay) add(correlation);
  const chosen: Item[] = [];
  for (const item of waiting) {
    if (chosen.length === countMax) break;
    // What belongs to no known flow is held back by none.
    if (item.correlation !== "" && (counts.get(item.correlation) ?? 0) >= perCorrelationMax) continue;
    add(item.correlation);
    chosen.push(item);
  }
  return chosen;
}
