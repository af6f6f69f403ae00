import type { AnyCommand } from "@mesh/contract";
import type { Cause } from "@mesh/actor";
import type { Role } from "./contract.ts";
import type { Throttle } from "./login_throttle.ts";

/** Everything personal about one customer, besides addresses. */
export interface Account {
  /** The pseudonym that stands for the customer everywhere else. */
  readonly customerId: string;
  /** As the customer wrote it. */
  readonly email: string;
  /** What makes two spellings one address; unique. */
  readonly emailKey: string;
  readonly displayName: string;
  /** PHC string. */
  readonly passwordHash: string;
  readonly role: Role;
  readonly registeredAtMs: number;
}

/** One login and all refresh tokens that follow from it. */
export interface Session {
  readonly sessionId: string;
  readonly customerId: string;
  readonly startedAtMs: number;
  /** No token of the session works after this, however often it was refreshed. */
  readonly expiresAtMs: number;
}

/** One refresh token; the token itself is known to its bearer alone. */
export interface RefreshToken {
  /** SHA-256, base64url. */
  readonly tokenHash: string;
  readonly sessionId: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

/** Where a parcel goes. */
export interface PostalAddress {
  readonly recipient: string;
  /** One to three lines: street and number, house, floor. */
  readonly lines: readonly string[];
  readonly postalCode: string;
  readonly city: string;
  /** State or province where the country's post asks for one. */
  readonly region?: string;
  /** ISO 3166-1, two letters. */
  readonly countryCode: string;
}

/** One immutable version of an address. */
export interface AddressVersion extends PostalAddress {
  readonly addressRef: string;
  readonly customerId: string;
  readonly addedAtMs: number;
}

/** One change of rows; committed with the turn that it belongs to, or alone. */
export type AccountWrite =
  /** Fails with `ConflictError`, reason `email-taken`. */
  | { readonly kind: "add-account"; readonly account: Account }
  | { readonly kind: "change-role"; readonly customerId: string; readonly role: Role }
  | { readonly kind: "replace-password"; readonly customerId: string; readonly passwordHash: string }
  /** Removes a few sessions that ended long ago as well, so that no job has to. */
  | { readonly kind: "start-session"; readonly session: Session; readonly token: RefreshToken }
  /** Fails with `ConflictError`, reason `session-over`, where the session has ended already. */
  | { readonly kind: "end-session"; readonly sessionId: string; readonly atMs: number }
  /** Ends all sessions of one account; no error where there are none. */
  | { readonly kind: "end-all-sessions"; readonly customerId: string; readonly atMs: number }
  /** Fails with `ConflictError`, reason `already-reported`. */
  | { readonly kind: "note-reuse-reported"; readonly sessionId: string; readonly atMs: number }
  /**
   * Fails with `ConflictError`: reason `key-known` where the customer has an address under the key already, else
   * `too-many-addresses` above `countMax`.
   */
  | {
    readonly kind: "add-address";
    readonly address: AddressVersion;
    /** Names the request that adds it; unique per customer, and kept as long as the address. */
    readonly idempotencyKey: string;
    readonly countMax: number;
  };

/** A session's owner as far as a new access token needs to know. */
export interface SessionOwner {
  readonly customerId: string;
  readonly role: Role;
}

/** What came of using a refresh token. */
export type Rotation =
  | { readonly outcome: "rotated"; readonly owner: SessionOwner }
  /** The token was used before; the session has just been ended. */
  | { readonly outcome: "reused" }
  /** Unknown, expired, or of a session that is over. */
  | { readonly outcome: "refused" };

/** A session that was ended because a used refresh token came again. */
export interface ReusedSession {
  readonly sessionId: string;
  readonly customerId: string;
}

/** The personal data of the service: the port. */
export interface AccountStore {
  findAccountByEmail(emailKey: string): Promise<Account | undefined>;
  /** @param customerIds Each once. @returns Those that there are, in no order. */
  findAccounts(customerIds: readonly string[]): Promise<readonly Account[]>;
  /** Commits rows that no event tells of. @throws {ConflictError} As {@link AccountWrite} says; nothing is written. */
  write(writes: readonly AccountWrite[]): Promise<void>;
  /**
   * Uses up a refresh token and stores its successor, or ends the session if the token was used up before. Atomic: of two
   * uses at the same moment one is a reuse.
   *
   * @param next Makes the successor, once it is known whose session it is; may be called more than once.
   * @throws {UnavailableError}
   */
  rotate(
    tokenHash: string,
    nowMs: number,
    next: (session: Session, owner: SessionOwner) => RefreshToken,
  ): Promise<Rotation>;
  /** @returns The session that a refresh token belongs to, whether the token still works or not, while it is not over. */
  findLiveSession(tokenHash: string, nowMs: number): Promise<Session | undefined>;
  /** @returns Sessions ended by reuse of which no event tells yet, at most `limit`. */
  listUnreportedReuse(limit: number): Promise<readonly ReusedSession[]>;
  /**
   * Reads and replaces throttles in one step.
   *
   * @param subjects Distinct.
   * @param change Gets one entry per subject, in their order; returns the new ones (`undefined` removes), or `undefined`
   * to leave all as they are. May be called more than once.
   */
  changeThrottles(
    subjects: readonly string[],
    nowMs: number,
    change: (throttles: readonly (Throttle | undefined)[]) => readonly (Throttle | undefined)[] | undefined,
  ): Promise<void>;
  /** @returns Newest first. */
  listAddresses(customerId: string): Promise<readonly AddressVersion[]>;
  /** @param addressRefs Each once. @returns Those that there are, in no order. */
  findAddresses(addressRefs: readonly string[]): Promise<readonly AddressVersion[]>;
  /** @returns The address that the customer's request of this name has added. */
  findAddressByKey(customerId: string, idempotencyKey: string): Promise<AddressVersion | undefined>;
}

/** Runs turns of the actor, each in one transaction with the service's own rows. */
export interface AccountTurns {
  /**
   * Records what the actor decides and writes the rows, both or neither.
   *
   * @param cause Who asked; absent where nobody proved who they are.
   * @throws {ConflictError} As {@link AccountWrite} says; nothing is recorded.
   * @throws {UnavailableError} If the database is away.
   */
  run(command: AnyCommand, writes: readonly AccountWrite[], cause?: Cause): Promise<void>;
}

/** What a refresh token's row and its session say together. */
export interface RefreshFacts {
  readonly isUsed: boolean;
  readonly tokenExpiresAtMs: number;
  readonly sessionExpiresAtMs: number;
  readonly isSessionEnded: boolean;
}

/**
 * Judges the use of a refresh token; the one place that decides, whatever the store.
 *
 * A used token counts as reused for as long as its session lives, also past its own end: by then its successor is in
 * somebody's hands.
 */
export function judgeRefresh(facts: RefreshFacts, nowMs: number): Rotation["outcome"] {
  if (facts.isSessionEnded || nowMs >= facts.sessionExpiresAtMs) return "refused";
  if (facts.isUsed) return "reused";
  return nowMs >= facts.tokenExpiresAtMs ? "refused" : "rotated";
}
