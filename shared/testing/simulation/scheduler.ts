import { microtaskRunner } from "./microtasks.ts";

/** Who waits for an event: a process, which may be dead or suspended when its time comes. */
export interface Owner {
  readonly isDead: boolean;
  /** On the scheduler's time; 0 when it is not suspended. */
  readonly frozenUntilMs: number;
}

/** One thing that will happen. */
export interface Planned {
  atMs: number;
  /** Order of planning; decides between things of one moment. */
  readonly order: number;
  readonly owner: Owner | undefined;
  /** Absent once it was called off. */
  run: (() => void) | undefined;
}

/**
 * Decides what happens next: the one queue of a simulation, ordered by virtual time.
 *
 * After each event every promise that is ready runs, so that nothing is left half done when the next one begins. The
 * hash of all events, in order, is the trace: two runs of one seed have the same.
 */
export class Scheduler {
  readonly #heap: Planned[] = [];
  readonly #runMicrotasks = microtaskRunner();
  #nowMs = 0;
  #order = 0;
  #traceHash = 0x811c9dc5;
  #eventCount = 0;

  /** Virtual milliseconds since the start. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Events so far. */
  get eventCount(): number {
    return this.#eventCount;
  }

  /** Hash over everything that has happened. */
  get traceHash(): string {
    return (this.#traceHash >>> 0).toString(16).padStart(8, "0");
  }

  /** Plans something. @param owner It happens only while this one lives, and not while it is suspended. */
  after(delayMs: number, owner: Owner | undefined, run: () => void): Planned {
    const planned = { atMs: this.#nowMs + delayMs, order: this.#order, owner, run };
    this.#order += 1;
    this.#push(planned);
    return planned;
  }

  /** Mixes a fact into the trace. */
  note(fact: number): void {
    this.#traceHash = Math.imul(this.#traceHash ^ fact, 0x01000193);
  }

  /** Mixes a text into the trace. */
  noteText(text: string): void {
    for (let at = 0; at < text.length; at += 1) this.note(text.charCodeAt(at));
  }

  /** Lets every promise that is ready run. */
  settle(): void {
    this.#runMicrotasks();
  }

  /** Makes the next thing happen. @returns Whether there was one. */
  step(): boolean {
    for (;;) {
      const next = this.#pop();
      if (next === undefined) return false;
      const { run, owner } = next;
      if (run === undefined || owner?.isDead === true) continue;
      if (owner !== undefined && owner.frozenUntilMs > next.atMs) {
        next.atMs = owner.frozenUntilMs;
        this.#push(next);
        continue;
      }
      this.#nowMs = next.atMs;
      this.#eventCount += 1;
      this.note(next.order);
      this.note(Math.floor(next.atMs * 16));
      run();
      this.#runMicrotasks();
      return true;
    }
  }

  #push(planned: Planned): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(planned);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(planned, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = planned;
  }

  #pop(): Planned | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(one: Planned, other: Planned): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
