/** Why an envelope is not taken for a genuine event of its owner: a reason of the verifier, or one of these. */
export type Doubt =
  /** Signed by another service than the one whose feed gave it out. */
  | "foreign-feed"
  /** A genuine envelope, but of a command; feeds hold events. */
  | "not-an-event"
  /** Another envelope has the same id. */
  | "id-reused";

/** How an event continues its stream. */
export type Chain =
  /** It follows the one before: next number, right hash. */
  | "ok"
  /** Numbers are missing between the one before and this. */
  | "gap"
  /** The stream has another event at this number, or another one before it than this says. */
  | "fork";

/** One envelope as it was read from a feed, with what came of checking it. Nothing that a feed gives out is dropped. */
export interface NewEntry {
  /** Service whose feed gave it out. */
  readonly owner: string;
  /** The compact JWS, byte for byte. */
  readonly envelope: string;
  /** What a proven envelope is known by; SHA-256 of all of it where nothing is proven. base64url. */
  readonly hash: string;
  /** When the owner recorded it, in milliseconds since 1970 on its database's clock; the owner's word, not signed. */
  readonly recordedAtMs: number;
  /** Absent where it was verified; else the reason word. What follows is then only what the envelope claims. */
  readonly reason?: string;
  /** Absent where it was not verified: what proves nothing continues nothing. */
  readonly chain?: Chain;
  readonly facts: Facts;
}

/** What an envelope says, as far as it can be read. Every text is in the form that its claim demands. */
export interface Facts {
  /** `jti`. */
  readonly id?: string;
  /** `iss`. */
  readonly signer?: string;
  /** `evt`. */
  readonly type?: string;
  /** `sch`. */
  readonly schema?: string;
  /** `sub`. */
  readonly subject?: string;
  readonly n?: number;
  readonly prv?: string;
  /** `cor`. */
  readonly correlation?: string;
  /** `cau`. */
  readonly causation?: string;
  /** `act.sub`. */
  readonly actor?: string;
  readonly kid?: string;
  /** `iat`, in seconds since 1970. */
  readonly issuedAtS?: number;
}

/** An entry that is stored. */
export interface Entry extends NewEntry {
  /** Rises with each entry; breaks ties between events recorded in the same millisecond. */
  readonly position: number;
}

/** The last proven event of a stream. */
export interface Head {
  readonly n: number;
  readonly hash: string;
}
