import type { Cause } from "@mesh/actor";
import type { IdSource } from "@mesh/base";
import { type AnyCommand, type AnyEvent, destinationOf } from "@mesh/contract";
import { commandClaims, draftEnvelope, eventClaims, type PolicyIndex, type SigningKey } from "@mesh/envelope";
import type { OutboxEntry, StoredEvent, TurnWrites } from "@mesh/store";
import { sealEntries, sealWrites, type Unsealed, type UnsealedWrites } from "./sealing.ts";

/** What a message follows from. */
export interface Occasion {
  readonly correlation: string;
  /** Id of the message that caused it; null when nothing did. */
  readonly causation: string | null;
  readonly cause?: Cause;
  /** Trace headers to carry on. */
  readonly headers: Readonly<Record<string, string>>;
  /** Now on the database's clock, in milliseconds since 1970. */
  readonly nowMs: number;
}

/**
 * Says things in a service's name: makes rows whose envelopes are drafts, and signs them when it is known what is
 * committed together. Nothing it makes may leave before its commit.
 */
export interface Speaker {
  readonly service: string;
  /** @param stream Name, version before, and hash of the envelope before (null at version 0). */
  event(
    message: AnyEvent,
    stream: { readonly name: string; readonly version: number; readonly hash: string | null },
    occasion: Occasion & { readonly re: readonly string[] },
  ): {
    readonly stored: Unsealed<StoredEvent>;
    /** What publishes it; absent for an event that nobody waits for, which the feed alone gives out. */
    readonly entry?: Unsealed<OutboxEntry>;
  };
  /** @param id Drawn before, by decisions that must know it. */
  command(message: AnyCommand, id: string, orderKey: string, occasion: Occasion): Unsealed<OutboxEntry>;
  /** Signs what a turn decided. */
  seal(writes: UnsealedWrites): TurnWrites;
  /** Signs rows of the outbox that are committed together. */
  sealAll(entries: readonly Unsealed<OutboxEntry>[]): readonly OutboxEntry[];
}

/**
 * Makes the speaker of one service.
 *
 * @param key The service's signing key.
 * @param ids Draws message ids and row ids.
 * @param policy Says which events somebody hears; an answer is published in any case, as its asker keeps asking.
 */
export function speakerFor(key: SigningKey, ids: IdSource, policy: Pick<PolicyIndex, "isHeard">): Speaker {
  const service = key.service;
  const entryOf = (message: AnyCommand | AnyEvent, about: About): Unsealed<OutboxEntry> => {
    const { kind, type, version, key } = message;
    const { messageId, orderKey, correlation, headers, draft } = about;
    const { exchange, routingKey } = destinationOf({ kind, type, version, key, correlation });
    return {
      id: ids.next(),
      kind,
      messageId,
      type,
      exchange,
      routingKey,
      correlation,
      orderKey,
      // A command must reach somebody; an event may be heard by nobody yet.
      isMandatory: kind === "command",
      headers,
      draft,
      sentCount: 0,
    };
  };
  return {
    service,
    event: (message, stream, { correlation, causation, cause, headers, nowMs, re }) => {
      const id = ids.next();
      const version = stream.version + 1;
      const facts = { message, id, service, correlation, causation, nowMs, n: version, prv: stream.hash, re };
      const draft = draftEnvelope(eventClaims(cause === undefined ? facts : { ...facts, cause }), key);
      const { type, version: schemaVersion, data } = message;
      const { hash } = draft;
      const stored = { stream: stream.name, version, id, type, schemaVersion, correlation, re, data, draft, hash };
      if (re.length === 0 && !policy.isHeard(service, `${type}#${schemaVersion}`)) return { stored };
      return { stored, entry: entryOf(message, { messageId: id, orderKey: stream.name, correlation, headers, draft }) };
    },
    command: (message, id, orderKey, { correlation, causation, cause, headers, nowMs }) => {
      const facts = { message, id, service, correlation, causation, nowMs };
      const draft = draftEnvelope(commandClaims(cause === undefined ? facts : { ...facts, cause }), key);
      return entryOf(message, { messageId: id, orderKey, correlation, headers, draft });
    },
    seal: (writes) => sealWrites(writes, key),
    sealAll: (entries) => sealEntries(entries, key),
  };
}

/** What a row of the outbox says besides its message. */
type About = Pick<Unsealed<OutboxEntry>, "messageId" | "orderKey" | "correlation" | "headers" | "draft">;
