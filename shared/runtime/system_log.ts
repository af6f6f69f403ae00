import type { AnyEvent } from "@mesh/contract";
import type { OutboxEntry, Store, StoredEvent, TurnWrites } from "@mesh/store";
import type { Unsealed } from "./sealing.ts";
import type { Occasion, Speaker } from "./speaker.ts";

/** Head of a log stream. */
interface Head {
  readonly version: number;
  readonly hash: string | null;
}

/** Events added to a log stream by one commit. */
export interface LogAppend {
  readonly events: readonly Unsealed<StoredEvent>[];
  readonly outbox: readonly Unsealed<OutboxEntry>[];
  readonly expected: TurnWrites["expected"];
  /** An empty state at the new head, so that loading the head reads no history. */
  readonly snapshots: TurnWrites["snapshots"];
  committed(): void;
}

/**
 * The streams of events that no keyed actor writes: security findings and operators' actions, in
 * `<service>/log-p<partition>`.
 */
export class SystemLog {
  readonly #store: Store;
  readonly #speaker: Speaker;
  /** By partition. */
  readonly #heads = new Map<number, Head>();

  constructor(store: Store, speaker: Speaker) {
    this.#store = store;
    this.#speaker = speaker;
  }

  /** @returns Key of the log of a partition; `key` of its events. */
  static key(partition: number): string {
    return `log-p${partition}`;
  }

  /** Loads the head of a partition's log, so that {@link append} need not wait. */
  async load(partition: number): Promise<void> {
    if (this.#heads.has(partition)) return;
    const [state] = await this.#store.loadStreams([this.#streamOf(partition)], stateVersion);
    this.#heads.set(partition, { version: state?.version ?? 0, hash: state?.hash ?? null });
  }

  /** Makes the rows that add `events` to a partition's log. The head moves only when the commit is told. */
  append(partition: number, events: readonly AnyEvent[], occasion: Occasion): LogAppend {
    const name = this.#streamOf(partition);
    const loaded = this.#heads.get(partition) ?? { version: 0, hash: null };
    let head = loaded;
    const spoken = events.map((event) => {
      const made = this.#speaker.event(event, { name, ...head }, { ...occasion, re: [] });
      head = { version: made.stored.version, hash: made.stored.hash };
      return made;
    });
    return {
      events: spoken.map(({ stored }) => stored),
      outbox: spoken.flatMap(({ entry }) => entry ?? []),
      expected: events.length === 0 ? [] : [{ stream: name, version: loaded.version }],
      snapshots: events.length === 0 ? [] : [{ stream: name, version: head.version, stateVersion, state: null }],
      committed: () => this.#heads.set(partition, head),
    };
  }

  /** Drops heads, so that the next append loads them again. */
  forget(): void {
    this.#heads.clear();
  }

  #streamOf(partition: number): string {
    return `${this.#speaker.service}/${SystemLog.key(partition)}`;
  }
}

const stateVersion = "log";
