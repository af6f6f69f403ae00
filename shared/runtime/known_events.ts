import { type EnvelopeClaims, unprovenClaims } from "@mesh/envelope";
import type { Store } from "@mesh/store";
import type { Generations } from "./generations.ts";
import type { ProjectedEvent, Projection } from "./projection.ts";
import { eventFrom } from "./recorded_event.ts";

/** What finding known events needs. */
export interface KnownEventsOptions {
  readonly store: Pick<Store, "findHandled" | "loadRows">;
  /** Name in the inbox. */
  readonly consumer: string;
  /** Read models, for a service that keeps its record in their rows. */
  readonly projections?: readonly Projection[];
  readonly generations: Pick<Generations, "refresh" | "snapshot">;
}

/** An event as its envelope tells it, which nobody has proven: good for looking it up, and for nothing else. */
interface ClaimedEvent extends ProjectedEvent {
  /** Whether it answers commands. */
  readonly isAnswer: boolean;
}

/** One row that has to have seen an event. */
interface Sight {
  readonly projection: string;
  readonly key: string;
}

/**
 * Leaves out events that this service has handled already, before anybody verifies them: looking one up takes a tenth of
 * the time, and of a feed that is read for what the queues have lost nearly all are known.
 *
 * The envelopes are not proven here. One that claims to be a known event is left out, whatever else it is; its author
 * could as well have left it out himself. What is kept has still to be verified.
 *
 * @param envelopes Compact JWSs as a feed gave them out.
 * @returns Those that are not known, or that cannot be read, in their order.
 * @throws {UnavailableError} If the database is away.
 */
export async function withoutKnown(
  envelopes: readonly string[],
  options: KnownEventsOptions,
): Promise<readonly string[]> {
  const events = envelopes.map(claimedEvent);
  const isKnown = (options.projections ?? []).length > 0
    ? await knownByRows(events, options)
    : await knownByInbox(events, options);
  return envelopes.filter((_, at) => {
    const event = events[at];
    return event === undefined || !isKnown(event);
  });
}

type IsKnown = (event: ClaimedEvent) => boolean;

async function knownByInbox(
  events: readonly (ClaimedEvent | undefined)[],
  { store, consumer }: KnownEventsOptions,
): Promise<IsKnown> {
  const ids = new Set(events.flatMap((event) => event?.id ?? []));
  if (ids.size === 0) return () => false;
  const handled = await store.findHandled(consumer, [...ids]);
  return ({ id }) => handled.has(id);
}

/**
 * An event is known if every row that it belongs to has seen its position, as readers see the row. Another generation
 * that is being filled reads the feeds by itself. What belongs to no row matters only where it answers a command.
 */
async function knownByRows(
  events: readonly (ClaimedEvent | undefined)[],
  { store, projections = [], generations }: KnownEventsOptions,
): Promise<IsKnown> {
  const sights = new Map<ClaimedEvent, readonly Sight[]>();
  for (const event of events) {
    const found = event === undefined ? undefined : sightsOf(event, projections);
    if (event !== undefined && found !== undefined) sights.set(event, found);
  }
  await generations.refresh();
  const current = generations.snapshot();
  const seen = new Map<string, Readonly<Record<string, number>>>();
  for (const { name } of projections) {
    const keys = new Set(
      [...sights.values()].flat().flatMap(({ projection, key }) => projection === name ? [key] : []),
    );
    const rows = await store.loadRows(name, current.get(name)?.[0] ?? 1, [...keys]);
    for (const row of rows) seen.set(`${name}:${row.key}`, row.seen);
  }
  return (event) => {
    const found = sights.get(event);
    if (found === undefined) return false;
    if (found.length === 0) return !event.isAnswer;
    return found.every(({ projection, key }) =>
      (seen.get(`${projection}:${key}`)?.[event.stream] ?? 0) >= event.position
    );
  };
}

/** @returns `undefined` where a projection finds the event unreadable: what it claims is not checked against any schema. */
function sightsOf(event: ClaimedEvent, projections: readonly Projection[]): readonly Sight[] | undefined {
  const service = event.stream.slice(0, event.stream.indexOf("/"));
  try {
    return projections.filter(({ subscribes }) => subscribes.some((contract) => contract.service === service))
      .flatMap((projection) => {
        const key = projection.keyOf(event);
        return key === undefined ? [] : [{ projection: projection.name, key }];
      });
  } catch {
    return undefined;
  }
}

/** @returns `undefined` for what is not in the form of an event. */
function claimedEvent(envelope: string): ClaimedEvent | undefined {
  const claims = unprovenClaims(envelope);
  try {
    const { jti, evt, sch, sub, n, cor, re } = claims as EnvelopeClaims;
    const isReadable = [jti, evt, sch, sub, cor].every((text) => typeof text === "string") && Number.isSafeInteger(n);
    return isReadable
      ? { ...eventFrom(claims as EnvelopeClaims), isAnswer: !Array.isArray(re) || re.length > 0 }
      : undefined;
  } catch {
    return undefined;
  }
}
