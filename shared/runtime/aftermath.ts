import { errorText, type IdSource } from "@mesh/base";
import { systemContracts } from "@mesh/contract";
import { type DeadLetterEntry, noWrites, type OutboxEntry } from "@mesh/store";
import { dispositionOf, nextTierMs } from "./disposition.ts";
import { attemptHeader, keptBody, type Refusal } from "./intake.ts";
import type { RuntimeSettings } from "./settings.ts";
import type { UnsealedWrites } from "./sealing.ts";
import { type LogAppend, SystemLog } from "./system_log.ts";
import type { Occasion } from "./speaker.ts";
import type { Work } from "./work.ts";

/** What the aftermath needs. */
export interface AftermathOptions {
  readonly service: string;
  readonly systemLog: SystemLog;
  readonly ids: IdSource;
  readonly settings: Pick<RuntimeSettings, "tiersMs" | "attemptsMax">;
}

/** Turns what went wrong in a batch into rows of the same commit: retries, dead letters, signed findings. */
export class Aftermath {
  readonly #options: AftermathOptions;

  constructor(options: AftermathOptions) {
    this.#options = options;
  }

  /** Loads the logs that findings may go to. */
  async load(refusals: readonly Refusal[], works: readonly Work[]): Promise<void> {
    const partitions = new Set<number>();
    for (const { partition } of refusals) partitions.add(partition);
    for (const { partition } of works) partitions.add(partition);
    for (const partition of partitions) await this.#options.systemLog.load(partition);
  }

  /** @returns Writes to merge into the plan's; `committed` moves the logs' heads. */
  of(
    refusals: readonly Refusal[],
    failures: ReadonlyMap<Work, unknown>,
    nowMs: number,
  ): UnsealedWrites & { committed(): void } {
    if (refusals.length === 0 && failures.size === 0) return nothing;
    const outbox: OutboxEntry[] = [];
    const deadLetters: { readonly entry: DeadLetterEntry; readonly partition: number }[] = refusals.map((
      { deadLetter, partition },
    ) => ({ entry: deadLetter, partition }));
    for (const [work, error] of failures) {
      const disposition = dispositionOf(error);
      const { settings } = this.#options;
      const waitMs = disposition.verdict === "retry"
        ? nextTierMs(work.attempt, settings.tiersMs, settings.attemptsMax)
        : undefined;
      if (waitMs !== undefined) outbox.push(this.#retryOf(work, waitMs));
      else {
        const className = disposition.verdict === "dead" ? disposition.class : "exhausted";
        deadLetters.push({
          entry: this.#deadLetterOf(work, className, disposition.reason, error),
          partition: work.partition,
        });
      }
    }
    const logs = this.#findings(deadLetters, nowMs);
    return {
      ...noWrites,
      outbox: [...outbox, ...logs.flatMap((log) => log.outbox)],
      deadLetters: deadLetters.map(({ entry }) => entry),
      events: logs.flatMap((log) => log.events),
      expected: logs.flatMap((log) => log.expected),
      snapshots: logs.flatMap((log) => log.snapshots),
      committed: () => {
        for (const log of logs) log.committed();
      },
    };
  }

  /** @returns The refusal of a message that bears the id of another one. */
  forged(work: Work): Refusal {
    const error = new Error(`Cannot handle "${work.received.id}": another message with that id was handled before`);
    return {
      deadLetter: this.#deadLetterOf(work, "untrusted", "replayed-id", error),
      partition: work.partition,
    };
  }

  forget(): void {
    this.#options.systemLog.forget();
  }

  #retryOf(work: Work, waitMs: number): OutboxEntry {
    return {
      id: this.#options.ids.next(),
      kind: "retry",
      messageId: work.received.id,
      type: work.received.type,
      exchange: `mesh.retry.${waitMs}`,
      routingKey: work.returnTo,
      correlation: work.received.correlation,
      orderKey: `retry/${work.subject}`,
      isMandatory: true,
      headers: { ...work.headers, [attemptHeader]: String(work.attempt + 1) },
      envelope: work.token,
      sentCount: 0,
    };
  }

  #deadLetterOf(work: Work, className: DeadLetterEntry["class"], reason: string, error: unknown): DeadLetterEntry {
    return {
      id: this.#options.ids.next(),
      messageId: work.received.id,
      type: work.received.type,
      class: className,
      reason,
      detail: errorText(error),
      attempts: work.attempt,
      queue: work.returnTo,
      userId: work.userId,
      correlation: work.received.correlation,
      ...keptBody(encoder.encode(work.token)),
      headers: work.headers,
    };
  }

  /** Every message in quarantine leaves a signed trace. */
  #findings(
    deadLetters: readonly { readonly entry: DeadLetterEntry; readonly partition: number }[],
    nowMs: number,
  ): readonly LogAppend[] {
    const { service, systemLog, ids } = this.#options;
    const { SecurityRejected } = systemContracts(service);
    const untrusted = deadLetters.filter(({ entry }) => entry.class === "untrusted");
    return [...Map.groupBy(untrusted, ({ partition }) => partition)].map(([partition, found]) => {
      const events = found.map(({ entry }) =>
        SecurityRejected({
          log: SystemLog.key(partition),
          deadLetterId: entry.id,
          reason: entry.reason,
          digest: entry.digest,
          queue: entry.queue,
          userId: entry.userId,
        })
      );
      const occasion: Occasion = { correlation: ids.next(), causation: null, headers: {}, nowMs };
      return systemLog.append(partition, events, occasion);
    });
  }
}

/** What a batch that went well leaves behind. */
const nothing: UnsealedWrites & { committed(): void } = Object.freeze({ ...noWrites, committed: () => {} });

const encoder = new TextEncoder();
