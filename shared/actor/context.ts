/** Who set something in motion, as the gateway or an internal port saw it; a pseudonym, never personal data. */
export interface Cause {
  /** Pseudonymous account id, or `service:<name>` for an operator's tool. */
  readonly subject: string;
  /** Where it entered, for example `"gateway"`. */
  readonly via: string;
  /** SHA-256 (base64url) of the access token's id, where there was a token. */
  readonly tokenHash?: string;
}

/** Facts about a delivery that a decision may use; data, so a test can write them. */
export interface Context {
  /** Now, on the database's clock. Decisions know no other. */
  readonly now: Date;
  /** Id of the message being handled; keep it when the answer comes in a later turn. */
  readonly messageId: string;
  /** The flow that the message belongs to, for an order its order id. */
  readonly correlation: string;
  /** Service that signed the message. */
  readonly issuer: string;
  /** Who caused it; absent for work that nobody asked for. */
  readonly cause?: Cause;
}
