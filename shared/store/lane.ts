/**
 * Where a lane stands: its head waits for its next attempt, its head lies dead, or the head is done and what was parked
 * behind it is being let go.
 */
export type LaneState = "retry" | "dead" | "releasing";

/** What is known of a proven message besides its envelope, so that it can be taken up again later. */
export interface HeldMessage {
  /** `jti` of the envelope. */
  readonly messageId: string;
  /** What the envelope is known by. */
  readonly digest: string;
  readonly type: string;
  readonly correlation: string;
  /** Queue that it came through. */
  readonly queue: string;
  /** Attempts begun. */
  readonly attempt: number;
  /** Broker user that published it; empty when it came from a feed. */
  readonly userId: string;
  /** Trace headers. */
  readonly headers: Readonly<Record<string, string>>;
  /** The compact JWS. */
  readonly envelope: string;
}

/** A message that failed, and that later ones of its lane must not overtake. */
export interface LaneHead extends HeldMessage {
  readonly lane: string;
  /** Stable word for what went wrong. */
  readonly reason: string;
  /** When its next attempt is due, on the database's clock, in milliseconds since 1970. */
  readonly dueAtMs: number;
}

/** A message that waits behind the head of its lane. */
export interface ParkedMessage extends HeldMessage {
  readonly lane: string;
}

/** What a turn changes about lanes. */
export interface LaneWrites {
  /** Version of the lanes that the turn went by; another one is a conflict, with {@link lanesMark} among what is stale. */
  readonly version: number;
  /** Lanes that a failure closes or keeps closed. A dead letter of the head's message in the same commit makes it dead. */
  readonly closed: readonly LaneHead[];
  /** Lanes whose head is done. Those with nothing parked are gone, the others are being let go. */
  readonly opened: readonly string[];
  /** Messages put behind a head, in their order. One that is parked already stays where it is. */
  readonly parked: readonly ParkedMessage[];
  /** Parked messages that are done, or are the head now. */
  readonly unparked: readonly Pick<ParkedMessage, "lane" | "messageId" | "digest">[];
}

/** A lane that is not open. */
export interface StoredLane {
  readonly lane: string;
  readonly state: LaneState;
  /** The message that the others wait for; the last one that there was, while they are being let go. */
  readonly head: HeldMessage;
  /** Stable word for what went wrong with the head. */
  readonly reason: string;
  /** The head's row among the dead letters, while it is dead. */
  readonly deadLetterId?: string;
  /** When the head's next attempt is due; means nothing while it is dead or done. */
  readonly dueAtMs: number;
  readonly closedAtMs: number;
  readonly parkedCount: number;
}

/** All lanes that are not open. */
export interface LaneTable {
  /** Rises with every change of any lane. */
  readonly version: number;
  /** The one that was closed first comes first. */
  readonly lanes: readonly StoredLane[];
}

/** Stands for the lanes among what a conflict says is stale; no stream, row or effect has such a name. */
export const lanesMark = "lanes";

/** @returns Whether it changes anything, or only says which version it goes by. */
export function changesLanes({ closed, opened, parked, unparked }: LaneWrites): boolean {
  return closed.length + opened.length + parked.length + unparked.length > 0;
}
