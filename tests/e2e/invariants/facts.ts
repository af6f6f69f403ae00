/** One event as a service has stored it. */
export interface StoredEvent {
  readonly service: string;
  readonly id: string;
  readonly stream: string;
  /** Position in the stream, from 1. */
  readonly version: number;
  readonly type: string;
  readonly correlation: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly envelope: string;
  /** SHA-256 of the envelope as the service noted it, base64url. */
  readonly hash: string;
  /** Why the envelope does not verify; null when it does. */
  readonly fault: string | null;
  /** What the envelope says about its place; null when it cannot be read. */
  readonly claims: StoredClaims | null;
}

/** Claims that tell an event's place in its stream. */
export interface StoredClaims {
  readonly iss: string;
  readonly sub: string;
  readonly jti: string;
  readonly n: number;
  readonly prv: string | null;
}

/** One message that a service has handled. */
export interface HandledMessage {
  readonly service: string;
  readonly id: string;
  /** SHA-256 of the envelope; empty for a command that was made void by its undo. */
  readonly digest: string;
}

/** One message that a service could not handle or did not trust. */
export interface DeadMessage {
  readonly service: string;
  readonly type: string;
  readonly reason: string;
  readonly detail: string;
  readonly digest: string;
}

/** What the payment provider did for one order. */
export interface ProviderRecord {
  readonly captures: number;
  readonly capturedMinor: number;
  readonly refundedMinor: number;
  /** Authorised and neither captured nor cancelled. */
  readonly heldMinor: number;
}

/** Notices that arrived for one order and kind. */
export interface NoticeRecord {
  readonly orderId: string;
  readonly noticeKind: string;
  /** Distinct `Message-ID`s. */
  readonly messageIds: readonly string[];
}

/** One entry of the audit log. */
export interface AuditedEvent {
  /** Service whose feed gave it out. */
  readonly owner: string;
  readonly id: string;
  readonly hash: string;
  /** Why it was doubted; null when it was verified. */
  readonly reason: string | null;
  /** How it continues its stream: `ok`, `gap`, `fork`; null when it was doubted. */
  readonly chain: string | null;
}

/** What the driver of the test was told over HTTP, kept outside the shop. */
export interface Journal {
  /** Orders that were answered with 202. */
  readonly accepted: readonly string[];
  /** Requests whose answer was lost; nobody knows their orders' ids. */
  readonly unknownCount: number;
}

/** Everything that a shop has written down, and that the parties outside have seen of it; plain data. */
export interface ShopFacts {
  readonly journal: Journal;
  /** Of all services, each service's in the order of its feed. */
  readonly events: readonly StoredEvent[];
  readonly handled: readonly HandledMessage[];
  /** The audit log; absent where no audit service runs. */
  readonly audited?: readonly AuditedEvent[];
  readonly deadLetters: readonly DeadMessage[];
  /** Digests of genuine messages that a test has made die. */
  readonly doomedDigests: readonly string[];
  /** Digests of messages that a test has published and that nobody may ever handle. */
  readonly hostileDigests: readonly string[];
  /** Rows of outbox and effects by service; empty when all is quiet. */
  readonly unsettled: Readonly<Record<string, number>>;
  /** Status by order in the storefront's read model. */
  readonly shownStatuses: Readonly<Record<string, string>>;
  /** By order. */
  readonly provider: Readonly<Record<string, ProviderRecord>>;
  /** Parcels that the carrier took, by order. */
  readonly parcels: Readonly<Record<string, number>>;
  readonly notices: readonly NoticeRecord[];
}

/** One invariant that does not hold. */
export interface Violation {
  /** As in the list of guarantees: `I5`. */
  readonly rule: string;
  readonly what: string;
}

/** Finds where the facts break a rule. */
export type Rule = (facts: ShopFacts) => readonly Violation[];
