import { outcomeCommandType, timerCommandType } from "@mesh/contract";
import { type EnvelopeClaims, unprovenClaims } from "@mesh/envelope";
import type { TurnWrites } from "@mesh/store";
import type { Violation } from "./mesh_invariants.ts";

/** What the rule needs. */
export interface LaneRuleOptions {
  readonly violate: (violation: Violation) => void;
  /** The envelope of a message that somebody has committed. */
  readonly envelopeOf: (messageId: string) => string | undefined;
  /** Whether a service has handled a message; one that fails afterwards is a copy, and nothing has to wait for it. */
  readonly isHandled: (service: string, messageId: string) => boolean;
}

/**
 * Nothing overtakes a message that waits for its next attempt: what follows it in its lane is handled after it, and in
 * the order in which it was put aside.
 *
 * Lanes are told from the envelopes alone: what came to one actor (or from one stream) within one flow.
 */
export class LaneRule {
  readonly #options: LaneRuleOptions;
  /** By service and lane: what must be handled, in this order. */
  readonly #lines = new Map<string, string[]>();

  constructor(options: LaneRuleOptions) {
    this.#options = options;
  }

  /** Judges a commit. */
  committed(service: string, { inbox, voided, outbox, lanes }: TurnWrites): void {
    if (this.#lines.size > 0) {
      for (const { messageId, consumer } of inbox) if (consumer === service) this.#handled(service, messageId);
      for (const { messageId } of voided) this.#void(service, messageId);
    }
    for (const { kind, messageId, envelope } of outbox) {
      if (kind !== "retry" || this.#options.isHandled(service, messageId)) continue;
      const line = this.#lineOf(service, envelope);
      if (line !== undefined && !line.includes(messageId)) line.unshift(messageId);
    }
    for (const { messageId, envelope } of lanes?.parked ?? []) {
      if (this.#options.isHandled(service, messageId)) continue;
      const line = this.#lineOf(service, envelope);
      if (line !== undefined && !line.includes(messageId)) line.push(messageId);
    }
  }

  #handled(service: string, messageId: string): void {
    const envelope = this.#options.envelopeOf(messageId);
    const lane = envelope === undefined ? undefined : laneOf(service, envelope);
    const line = lane === undefined ? undefined : this.#lines.get(lane);
    if (line === undefined) return;
    if (line[0] !== messageId) {
      this.#options.violate({ rule: "RD10", what: `in ${lane} ${messageId} was handled before ${line[0]}` });
    }
    this.#remove(lane!, line, messageId);
  }

  #void(service: string, messageId: string): void {
    const envelope = this.#options.envelopeOf(messageId);
    const lane = envelope === undefined ? undefined : laneOf(service, envelope);
    const line = lane === undefined ? undefined : this.#lines.get(lane);
    if (line !== undefined) this.#remove(lane!, line, messageId);
  }

  #remove(lane: string, line: string[], messageId: string): void {
    const rest = line.filter((id) => id !== messageId);
    if (rest.length === 0) this.#lines.delete(lane);
    else this.#lines.set(lane, rest);
  }

  #lineOf(service: string, envelope: string): string[] | undefined {
    const lane = laneOf(service, envelope);
    if (lane === undefined) return undefined;
    const line = this.#lines.get(lane) ?? [];
    this.#lines.set(lane, line);
    return line;
  }
}

/** @returns `undefined` for what waits for nothing. */
function laneOf(service: string, envelope: string): string | undefined {
  const { sub, cor, evt, undoes } = unprovenClaims(envelope) as EnvelopeClaims;
  const isFree = (undoes ?? []).length > 0 || evt === timerCommandType(service) || evt === outcomeCommandType(service);
  return isFree ? undefined : `${service}: ${sub}~${cor}`;
}
