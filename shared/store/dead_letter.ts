/** Why a message lies dead. `untrusted` is never redriven. */
export type DeadLetterClass = "untrusted" | "contract" | "defect" | "exhausted" | "broker";

/** A message that will not be handled unless an operator says so. */
export interface DeadLetterEntry {
  readonly id: string;
  /** `message_id` property; empty where it had none. Unverified for class `untrusted`. */
  readonly messageId: string;
  readonly type: string;
  readonly class: DeadLetterClass;
  /** Stable reason word, for example `"bad-signature"`. */
  readonly reason: string;
  /** Text for people. */
  readonly detail: string;
  readonly attempts: number;
  readonly queue: string;
  readonly userId: string;
  readonly correlation: string;
  /** The first 48 KiB, base64. */
  readonly body: string;
  readonly bodyBytes: number;
  /** SHA-256 of the whole body, base64url. */
  readonly digest: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A dead letter as operators see it. */
export interface StoredDeadLetter extends DeadLetterEntry {
  readonly diedAtMs: number;
  readonly status: "dead" | "redriven" | "discarded";
}
