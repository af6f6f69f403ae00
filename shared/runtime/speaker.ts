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
  return {
    service,
    event: (message, stream, { correlation, causation, cause, headers, nowMs, re }) => {
      const id = ids.next();
      const version = stream.version + 1;
      const draft = draftEnvelope(
        eventClaims({
          message,
          id,
          service,
          correlation,
          causation,
          ...(cause === undefined ? {} : { cause }),
          nowMs,
          n: version,
          prv: stream.hash,
          re,
        }),
        key,
      );
      const { type, version: schemaVersion, data } = message;
      const { hash } = draft;
      const stored = { stream: stream.name, version, id, type, schemaVersion, correlation, re, data, draft, hash };
      if (re.length === 0 && !policy.isHeard(service, `${type}#${schemaVersion}`)) return { stored };
      const about = { kind: "event", messageId: id, orderKey: stream.name, correlation, headers, draft } as const;
      return { stored, entry: { id: ids.next(), ...about, ...routeOf(message, correlation) } };
    },
    command: (message, id, orderKey, { correlation, causation, cause, headers, nowMs }) => {
      const draft = draftEnvelope(
        commandClaims({
          message,
          id,
          service,
          correlation,
          causation,
          ...(cause === undefined ? {} : { cause }),
          nowMs,
        }),
        key,
      );
      const about = { kind: "command", messageId: id, orderKey, correlation, headers, draft } as const;
      return { id: ids.next(), ...about, ...routeOf(message, correlation) };
    },
    seal: (writes) => sealWrites(writes, key),
    sealAll: (entries) => sealEntries(entries, key),
  };
}

/** A command must reach somebody; an event may be heard by nobody yet. */
function routeOf(
  message: AnyCommand | AnyEvent,
  correlation: string,
): Pick<OutboxEntry, "type" | "exchange" | "routingKey" | "isMandatory" | "sentCount"> {
  const destination = destinationOf({ ...message, correlation });
  return { type: message.type, ...destination, isMandatory: message.kind === "command", sentCount: 0 };
}
