import { type Clock, UnavailableError } from "@mesh/base";
import type Stripe from "stripe";
import { paymentProvider } from "./stripe_errors.ts";

/** What marks an intent as ours. Both values are ids of ours, no personal data. */
export interface IntentMarks {
  readonly orderId: string;
  /** The idempotency key of the effect that made it. */
  readonly effectKey: string;
}

/** How far back the list is read, in milliseconds: Stripe's search index is an hour behind at worst, in an outage. */
const recentMaxMs = 3_600_000;

/** How far back it is read in any case: the index is less than a minute behind in normal operation; twice that. */
const recentMinMs = 120_000;

/** How many of the newest intents are looked at: 50 pages. At 40 orders a second these are those of two minutes. */
const seenMax = 5_000;

/** @returns The intents with this mark that the search index knows; it may lag behind by a minute. */
export async function searchIntents(
  client: Stripe,
  mark: keyof IntentMarks,
  value: string,
): Promise<readonly Stripe.PaymentIntent[]> {
  const escaped = value.replaceAll(/["\\]/g, (character) => `\\${character}`);
  const { data } = await client.paymentIntents.search({ query: `metadata["${mark}"]:"${escaped}"`, limit: 100 });
  return data;
}

/**
 * Finds every intent of an order, those that the search index does not show yet, too.
 *
 * The list of the newest intents is always up to date (Stripe's page "Search", "Data freshness"), so it tells what the
 * index does not know yet.
 *
 * @param client The client to ask with.
 * @param orderId The order.
 * @param clock Says which intents are recent.
 * @returns The intents; none means that there are none.
 * @throws {UnavailableError} If there are too many recent intents to look at: nobody can say.
 */
export async function findIntentsOfOrder(
  client: Stripe,
  orderId: string,
  clock: Clock,
): Promise<readonly Stripe.PaymentIntent[]> {
  const indexed = await searchIntents(client, "orderId", orderId);
  if (indexed.length > 0) return indexed;
  const nowMs = clock.nowMs();
  const found: Stripe.PaymentIntent[] = [];
  let seen = 0;
  const sinceS = Math.floor((nowMs - recentMaxMs) / 1000);
  for await (const intent of client.paymentIntents.list({ created: { gte: sinceS }, limit: 100 })) {
    if (intent.metadata.orderId === orderId) found.push(intent);
    seen += 1;
    if (seen < seenMax) continue;
    if (found.length > 0 || intent.created * 1000 < nowMs - recentMinMs) break;
    throw new UnavailableError(
      `Cannot find payment intents of order "${orderId}": not in the search index, and over ${seenMax} are newer`,
      { dependency: paymentProvider, reason: "search-index-behind" },
    );
  }
  return found;
}
