import type { FaultPlan } from "./faults.ts";
import type { Owner, Scheduler } from "./scheduler.ts";
import type { SeededRandom } from "./seeded_random.ts";
import { VirtualClock } from "./virtual_clock.ts";

/** What every part of a simulation shares. */
export interface Simulated {
  readonly scheduler: Scheduler;
  readonly random: SeededRandom;
  readonly faults: FaultPlan;
  /** Writes a line of the story; absent when nobody listens, so that the line is not even made. */
  readonly tell: ((who: string, what: string, about: About) => void) | undefined;
}

/** What a line of the story is about, so that the story of one message or flow can be told alone. */
export interface About {
  readonly correlations?: readonly string[];
  readonly messageIds?: readonly string[];
}

/** A life of one process: it ends with a crash, and a restart is another one. */
export class SimulatedProcess implements Owner {
  readonly service: string;
  /** Replica, from 0. */
  readonly ordinal: number;
  readonly clock: VirtualClock;
  readonly #simulated: Simulated;
  readonly #onDeath: (() => void)[] = [];
  readonly #connections = new Set<() => void>();
  #isDead = false;
  frozenUntilMs = 0;

  constructor(simulated: Simulated, { service, ordinal }: { readonly service: string; readonly ordinal: number }) {
    this.#simulated = simulated;
    this.service = service;
    this.ordinal = ordinal;
    this.clock = new VirtualClock(simulated.scheduler, this);
  }

  get name(): string {
    return `${this.service}#${this.ordinal}`;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** Calls back when the process dies. */
  onDeath(listener: () => void): void {
    this.#onDeath.push(listener);
  }

  /** Ends the process as `kill -9` does: nothing that it has under way ever continues. */
  kill(why: string): void {
    if (this.#isDead) return;
    this.#isDead = true;
    this.#simulated.tell?.(this.name, `dies: ${why}`, {});
    for (const cut of [...this.#connections]) cut();
    for (const listener of this.#onDeath.splice(0)) listener();
  }

  /** Notes a connection of the process. @param cut Ends it without a goodbye. @returns Forgets it. */
  connected(cut: () => void): () => void {
    this.#connections.add(cut);
    return () => this.#connections.delete(cut);
  }

  /** Cuts every connection to the broker; the process lives on and connects again. */
  disconnect(): void {
    this.#simulated.tell?.(this.name, "loses its connections", {});
    for (const cut of [...this.#connections]) cut();
  }

  /** Suspends the process, as SIGSTOP does; the world goes on. */
  freeze(durationMs: number): void {
    this.frozenUntilMs = this.#simulated.scheduler.nowMs + durationMs;
    this.#simulated.tell?.(this.name, `is suspended for ${Math.round(durationMs)} ms`, {});
  }

  /** Gives a promise to the process once it can take it: never if it is dead, later if it is suspended. */
  hand(settle: () => void): void {
    if (this.#isDead) return;
    const { scheduler } = this.#simulated;
    if (this.frozenUntilMs > scheduler.nowMs) scheduler.after(0, this, settle);
    else settle();
  }
}
