import type { OutgoingMessage } from "@mesh/broker";
import { envelopeHash } from "@mesh/envelope";
import { LaneRule } from "./lane_rule.ts";
import type { CommitResult, OutboxEntry, StoreOperation, TurnWrites } from "@mesh/store";

/** A rule that does not hold. */
export interface Violation {
  /** As in the list of guarantees: `I5`. */
  readonly rule: string;
  readonly what: string;
}

/** What is committed of a message: its digest, or the envelope to compute it from. */
interface Known {
  digest: string | undefined;
  readonly envelope: string;
}

/** What a commit must not break in any mesh, whatever it does; judged at every commit and every publish. */
export class MeshInvariants {
  readonly #violate: (violation: Violation) => void;
  readonly #messages = new Map<string, Known>();
  readonly #heads = new Map<string, { version: number; hash: string | null }>();
  /** Message ids by service and consumer. */
  readonly #handled = new Map<string, Map<string, Set<string>>>();
  readonly #effects = new Map<string, "asked" | "ended">();
  readonly #laneRule: LaneRule;

  constructor(violate: (violation: Violation) => void) {
    this.#violate = violate;
    this.#laneRule = new LaneRule({
      violate,
      envelopeOf: (id) => this.#messages.get(id)?.envelope,
      isHandled: (service, id) => this.#handledBy(service, service).has(id),
    });
  }

  /** Whether an effect was committed, so that calling out for it is right. */
  isEffectAsked(id: string): boolean {
    return this.#effects.has(id);
  }

  /** Judges a call that took effect in the database of `service`. */
  stored(service: string, operation: StoreOperation, args: readonly unknown[], result: unknown): void {
    switch (operation) {
      case "commit":
        if ((result as CommitResult).outcome === "committed") this.#committed(service, args[0] as TurnWrites);
        return;
      case "settleDeadLetters":
        if ((result as CommitResult).outcome === "committed") this.#committed(service, args[1] as TurnWrites);
        return;
      case "fireTimers":
        return this.#learn(result as readonly OutboxEntry[]);
      case "finishEffect":
        if (result === true) this.#learn([args[1] as OutboxEntry]);
        return;
    }
  }

  /** Judges a message that has reached the broker. */
  published(service: string, { messageId, type, body }: OutgoingMessage): void {
    const known = this.#messages.get(messageId);
    if (known === undefined) {
      this.#violate({ rule: "G2", what: `${service} published ${type} ${messageId}, which nobody has committed` });
    } else if (known.envelope.length !== body.length) {
      this.#violate({ rule: "G3", what: `${service} published ${type} ${messageId} with other bytes than committed` });
    }
  }

  #committed(service: string, writes: TurnWrites): void {
    const { inbox, events, outbox, effects, endedEffects, deadLetters } = writes;
    for (const { stream, version, id, hash, envelope, type } of events) {
      const head = this.#heads.get(stream);
      if (version !== (head?.version ?? 0) + 1) {
        this.#violate({ rule: "I12", what: `${stream} has ${type} as ${version} after ${head?.version ?? "nothing"}` });
      }
      this.#heads.set(stream, { version, hash });
      this.#messages.set(id, { digest: hash, envelope });
    }
    this.#learn(outbox);
    for (const { messageId, consumer, digest } of inbox) this.#handle(service, messageId, consumer, digest);
    this.#laneRule.committed(service, writes);
    for (const { id } of effects) this.#effects.set(id, "asked");
    for (const { id } of endedEffects) {
      if (this.#effects.get(id) === "ended") this.#violate({ rule: "G2", what: `${service} ended ${id} twice` });
      this.#effects.set(id, "ended");
    }
    for (const { type, reason, detail } of deadLetters) {
      this.#violate({ rule: "I16", what: `${service} has a dead letter ${type}, ${reason}: ${detail}` });
    }
  }

  #learn(entries: readonly OutboxEntry[]): void {
    for (const { messageId, envelope } of entries) {
      if (!this.#messages.has(messageId)) this.#messages.set(messageId, { digest: undefined, envelope });
    }
  }

  #handledBy(service: string, consumer: string): Set<string> {
    const byConsumer = this.#handled.get(service) ?? new Map<string, Set<string>>();
    const handled = byConsumer.get(consumer) ?? new Set<string>();
    this.#handled.set(service, byConsumer.set(consumer, handled));
    return handled;
  }

  #handle(service: string, messageId: string, consumer: string, digest: string): void {
    const handled = this.#handledBy(service, consumer);
    if (handled.has(messageId)) this.#violate({ rule: "G2", what: `${service} handled ${messageId} twice` });
    handled.add(messageId);
    const known = this.#messages.get(messageId);
    // Requests of customers have no envelope.
    if (known === undefined && digest === "") return;
    if (known === undefined) {
      this.#violate({ rule: "I15", what: `${service} handled ${messageId}, which nobody has committed` });
      return;
    }
    known.digest ??= envelopeHash(known.envelope);
    if (digest !== "" && known.digest !== digest) {
      this.#violate({ rule: "I15", what: `${service} handled ${messageId} with content that was never committed` });
    }
  }
}
