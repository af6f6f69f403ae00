import type { EventClaims, LocalVerdict } from "./verify_locally.ts";
import { type SagaTurn, sagaTurnFrom, sagaTurnText } from "./saga_turn.ts";
import { plain, table } from "./terminal.ts";

/** One event of a flow, as the audit gave it out and as it was checked here. */
export interface TimelineEvent {
  /** By the clock of the service's database, in milliseconds since 1970. */
  readonly recordedAtMs: number;
  /** What the audit found when it took the event in; absent if nothing was wrong. */
  readonly auditReason?: string;
  /** How the event continues its stream, as the audit found; null where it was not verified. */
  readonly chain: string | null;
  readonly verdict: LocalVerdict;
}

/**
 * Puts events into an order in which nothing stands before what caused it: by time, except where clocks of different
 * machines contradict what the events say about one another.
 *
 * Causes are: the event before in the same stream, the event named as the cause, and the saga's turn that sent the
 * command which is named as the cause or answered.
 *
 * @param events Any order.
 */
export function causalOrder(events: readonly TimelineEvent[]): readonly TimelineEvent[] {
  const byTime = [...events].sort((a, b) => a.recordedAtMs - b.recordedAtMs);
  const causesOf = causes(byTime);
  const ordered = new Set<TimelineEvent>();
  const underway = new Set<TimelineEvent>();
  const place = (event: TimelineEvent) => {
    if (ordered.has(event) || underway.has(event)) return;
    underway.add(event);
    for (const cause of causesOf(event)) place(cause);
    ordered.add(event);
  };
  for (const event of byTime) place(event);
  return [...ordered];
}

/** Finds the events that one event depends on, the earliest first. */
function causes(byTime: readonly TimelineEvent[]): (event: TimelineEvent) => readonly TimelineEvent[] {
  const byId = new Map<string, TimelineEvent>();
  const byPlace = new Map<string, TimelineEvent>();
  for (const event of byTime) {
    const { claims } = event.verdict;
    if (claims === undefined) continue;
    // What an unproven event says moves nothing.
    if (!event.verdict.isVerified) continue;
    byId.set(claims.jti, event);
    byPlace.set(`${claims.sub} ${claims.n}`, event);
    // A command has the turn that sent it for its place in time.
    for (const { id } of sagaTurnFrom(claims.dat)?.asked ?? []) byId.set(id, event);
  }
  return ({ verdict: { claims } }) => {
    if (claims === undefined) return [];
    const found = [
      byPlace.get(`${claims.sub} ${claims.n - 1}`),
      ...[claims.cau ?? "", ...claims.re].map((id) => byId.get(id)),
    ].filter((event) => event !== undefined);
    return [...new Set(found)].sort((a, b) => a.recordedAtMs - b.recordedAtMs);
  };
}

/**
 * Tells a flow, one line per event: when, who, what, what it answers, on whose behalf (where that is not always the same),
 * and whether the signature holds.
 *
 * @param events In the order in which to tell them.
 * @param correlation The flow; its id is not repeated in every line.
 */
export function timelineText(events: readonly TimelineEvent[], correlation: string): string {
  const asked = new Map(
    events.flatMap(({ verdict }) =>
      sagaTurnFrom(verdict.claims?.dat)?.asked.map((command) => [command.id, command] as const) ?? []
    ),
  );
  const startMs = Math.min(...events.map(({ recordedAtMs }) => recordedAtMs));
  const hasOneCause = soleCause(events) !== undefined;
  return table(
    ["TIME", "AFTER", "SERVICE", "WHAT", "ANSWERS", ...(hasOneCause ? [] : ["ON BEHALF OF"]), "SIGNATURE"],
    events.map((event) => {
      const { recordedAtMs, verdict: { claims } } = event;
      return [
        new Date(recordedAtMs).toISOString().slice(11, 23),
        `+${recordedAtMs - startMs} ms`,
        claims?.iss ?? "?",
        whatText(event, correlation),
        answersText(claims?.re ?? [], asked),
        ...(hasOneCause ? [] : [causeText(claims, shortId)]),
        signatureText(event),
      ];
    }),
  );
}

/** @returns On whose behalf all of the events happened; `undefined` where that differs or is not known. */
export function soleCause(events: readonly TimelineEvent[]): string | undefined {
  const causes = new Set(events.map(({ verdict }) => causeText(verdict.claims, (id) => id)));
  const [only = ""] = causes;
  return causes.size === 1 && only !== "" ? only : undefined;
}

function causeText(claims: EventClaims | undefined, spell: (id: string) => string): string {
  return claims?.act === undefined ? "" : `${spell(claims.act.sub)} via ${claims.act.via}`;
}

/** Whether everything about the event is as it should be. */
export function isSound({ verdict, auditReason, chain }: TimelineEvent): boolean {
  return verdict.isVerified && auditReason === undefined && chain === "ok";
}

function whatText({ verdict: { claims } }: TimelineEvent, correlation: string): string {
  if (claims === undefined) return "(cannot be read)";
  const turn = sagaTurnFrom(claims.dat);
  if (turn !== undefined) return sagaTurnText(turn);
  const name = claims.evt.slice(claims.evt.indexOf(".") + 1);
  const facts = factsText(claims.dat, correlation);
  return facts === "" ? name : `${name} ${facts}`;
}

/** What is longer, and ids that only machines read, are for `--json`. */
const factLengthMax = 32;
const factsMax = 4;
const idForm = /^[0-9a-f-]{36}$|[0-9a-f]{20}/;

/** Simple members of the data that say something to people. */
function factsText(data: unknown, correlation: string): string {
  if (typeof data !== "object" || data === null) return "";
  return Object.entries(data)
    .filter(([, value]) => ["string", "number", "boolean"].includes(typeof value) && value !== correlation)
    .filter(([, value]) => String(value).length <= factLengthMax && !idForm.test(String(value)))
    .slice(0, factsMax)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");
}

function answersText(ids: readonly string[], asked: ReadonlyMap<string, SagaTurn["asked"][number]>): string {
  return ids.map((id) => {
    const command = asked.get(id);
    if (command === undefined) return shortId(id);
    const step = command.direction === "undo" ? `undo ${command.step}` : command.step;
    return command.direction === "do" || command.direction === "undo" ? step : command.type;
  }).join(", ");
}

function signatureText({ verdict, auditReason, chain }: TimelineEvent): string {
  const { isVerified, kid, reason } = verdict;
  const key = kid === "" ? "" : ` ${kid.slice(0, 8)}`;
  const doubts = [
    ...(isVerified ? [] : [plain(reason ?? "does not verify")]),
    ...(auditReason === undefined ? [] : [`audit: ${auditReason}`]),
    ...(chain === "gap" || chain === "fork" ? [`${chain} in its stream`] : []),
  ];
  return doubts.length === 0 ? `✔${key}` : `✘${key} ${doubts.join(", ")}`;
}

/** The end of an id: UUIDv7 of one flow begin alike. */
function shortId(id: string): string {
  return id.length > 12 ? `…${id.slice(-8)}` : id;
}
