import { emptyTables, type Tables } from "./tables.ts";

/** What a `MemoryDatabase` held at one moment; opaque, and no later change reaches it. */
export interface DatabaseImage {
  readonly tables: Readonly<Tables>;
}

/**
 * Data that outlives the stores that work on it, as a disk outlives processes: dispose of a store, open another on
 * the same database, and that is a crash and a restart. Several stores on one database are replicas.
 */
export class MemoryDatabase {
  #tables: Tables = emptyTables();
  readonly #listeners = new Set<{ readonly channel: string; readonly onNotify: (payload: string) => void }>();

  /** The tables, for stores. */
  get tables(): Tables {
    return this.#tables;
  }

  /** Calls `onNotify` for every notification on a channel. @returns Ends that. */
  listen(channel: string, onNotify: (payload: string) => void): () => void {
    const listener = { channel, onNotify };
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Calls whoever listens on a channel. */
  notify(channel: string): void {
    for (const listener of this.#listeners) if (listener.channel === channel) listener.onNotify("");
  }

  /** Takes a backup. */
  snapshot(): DatabaseImage {
    return { tables: copyTables(this.#tables) };
  }

  /**
   * Brings back a backup; what was committed since is gone. As with every restore, the feed's epoch rises, so that
   * subscribers who have seen the lost future start over.
   */
  restore(image: DatabaseImage): void {
    const epoch = Math.max(this.#tables.epoch, image.tables.epoch) + 1;
    this.#tables = { ...copyTables(image.tables), epoch };
  }
}

/** Rows are never changed, so that copying the containers is enough. */
function copyTables(tables: Readonly<Tables>): Tables {
  return {
    ...tables,
    events: [...tables.events],
    streams: new Map([...tables.streams].map(([stream, rows]) => [stream, [...rows]])),
    eventsById: new Map(tables.eventsById),
    snapshots: new Map(tables.snapshots),
    answers: new Map(tables.answers),
    outbox: new Map(tables.outbox),
    inbox: new Map(tables.inbox),
    timers: new Map(tables.timers),
    effects: new Map(tables.effects),
    deadLetters: new Map(tables.deadLetters),
    redrives: new Map(tables.redrives),
    redriveItems: new Map(tables.redriveItems),
    lanes: new Map(tables.lanes),
    parked: new Map(tables.parked),
    runs: new Map(tables.runs),
    suspects: new Map(tables.suspects),
    rows: new Map(tables.rows),
    generations: new Map(tables.generations),
    cursors: new Map(tables.cursors),
  };
}
