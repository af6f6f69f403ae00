import { type AnyEffect, type Cause, type EffectAdapters, type EffectCall } from "@mesh/actor";
import { type Clock, errorText, type IdSource, InFlightMap, MeshError } from "@mesh/base";
import { type AnyCommand, systemContracts } from "@mesh/contract";
import type { ClaimedEffect, EffectEntry, OutboxEntry, Store } from "@mesh/store";
import { CircuitBreaker, circuitOpen } from "./circuit_breaker.ts";
import type { DatabaseClock } from "./database_clock.ts";
import type { Log } from "./log.ts";
import type { Meter } from "./meter.ts";
import type { OutboxPublisher } from "./outbox_publisher.ts";
import type { RuntimeSettings } from "./settings.ts";
import { localWork } from "./local_work.ts";
import type { Speaker } from "./speaker.ts";
import type { Work } from "./work.ts";

/** Runs `task` in the trace that `headers` carry. */
export type InTrace = <T>(
  name: string,
  headers: Readonly<Record<string, string>>,
  task: () => Promise<T>,
) => Promise<T>;

/** What the executor needs. */
export interface EffectExecutorOptions {
  readonly store: Store;
  readonly effects: readonly AnyEffect[];
  readonly adapters: EffectAdapters;
  readonly speaker: Speaker;
  readonly publisher: OutboxPublisher;
  readonly ids: IdSource;
  readonly clock: Clock;
  readonly databaseClock: DatabaseClock;
  readonly log: Log;
  readonly meter: Meter;
  readonly inTrace: InTrace;
  /** Which replica of the service this is. */
  readonly ordinal: number;
  /**
   * Takes an outcome into this process's next turn. Absent where another replica may be the one that writes the actor;
   * outcomes then go through its mailbox.
   */
  readonly perform?: (work: Work) => Promise<unknown>;
  readonly settings: Pick<
    RuntimeSettings,
    "effectEveryMs" | "effectsPerDependencyMax" | "effectRetryMinMs" | "effectRetryMaxMs" | "leaseMs"
  >;
}

/**
 * Performs the calls to the outside that turns have committed; nothing else in a service calls out.
 *
 * One at a time per actor, bounded per dependency, each under its deadline and behind the dependency's breaker. A call
 * whose outcome is unknown is asked about before it is repeated, with the same idempotency key. The outcome comes back
 * as a command of the service to itself, committed together with the end of the effect: in the next turn where this
 * process is the only writer, through the mailbox else and whenever that turn fails, so that retries and dead letters
 * apply.
 */
export class EffectExecutor {
  readonly #options: EffectExecutorOptions;
  readonly #definitions: ReadonlyMap<string, AnyEffect>;
  readonly #breakers = new Map<string, CircuitBreaker>();
  readonly #running = new Map<string, number>();
  readonly #tasks = new InFlightMap<number, Promise<void>>();
  #taskCount = 0;
  /** The last attempt begun for each stream that has one under way. */
  readonly #attempts = new InFlightMap<string, Promise<boolean>>();
  /** Dependencies that may have more to do than there were places for. */
  readonly #crowded = new Set<string>();
  /** Streams that have asked for something since the last claim began, and those that did before. */
  #asking = new Set<string>();
  #claiming: ReadonlySet<string> = new Set();
  /** Streams with an effect behind one that has not ended. */
  readonly #queueing = new Set<string>();
  #wake: () => void = () => {};
  #isHinted = false;

  constructor(options: EffectExecutorOptions) {
    this.#options = options;
    this.#definitions = new Map(options.effects.map((effect) => [effect.effect, effect]));
    for (const dependency of new Set(options.effects.map((effect) => effect.dependency))) {
      this.#running.set(dependency, 0);
      this.#breakers.set(
        dependency,
        // Ten failures in a row are an outage, not bad luck; one call every 5 seconds then tries the waters.
        new CircuitBreaker(options.clock, { failuresMax: 10, openMs: 5_000 }),
      );
    }
  }

  /**
   * Says what a commit has just asked for. Only this and the end of what was in the way lead to a claim at once: most
   * effects find a free place, and a claim for nobody costs the database as much as one of its rows.
   */
  asked(effects: readonly Pick<EffectEntry, "stream" | "dependency">[]): void {
    for (const { stream, dependency } of effects) {
      const isBehind = this.#attempts.has(stream) || this.#asking.has(stream) || this.#claiming.has(stream);
      if (isBehind) this.#queueing.add(stream);
      this.#asking.add(stream);
      if (this.#freePlaces(dependency) > 0) this.#hint();
      else this.#crowded.add(dependency);
    }
  }

  /** Runs until `signal` aborts, then lets the calls under way end by their own deadlines. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, settings } = this.#options;
    while (!signal.aborted) {
      this.#isHinted = false;
      try {
        for (const effect of await this.#claim()) this.#start(effect, signal);
      } catch (error) {
        log.warn("Cannot claim effects: {error}", { error: errorText(error) });
        await clock.delay(1_000, signal);
      }
      if (!this.#isHinted) await this.#untilHintedOr(settings.effectEveryMs, signal);
    }
    await Promise.all(this.#tasks.values());
  }

  async #claim(): Promise<readonly ClaimedEffect[]> {
    const { store, settings, ordinal } = this.#options;
    this.#claiming = this.#asking;
    this.#asking = new Set();
    const limits: Record<string, number> = {};
    for (const dependency of this.#running.keys()) {
      const free = this.#freePlaces(dependency);
      if (free > 0) limits[dependency] = free;
      else this.#crowded.add(dependency);
    }
    if (Object.keys(limits).length === 0) return [];
    const claimed = await store.claimEffects({ limits, leaseMs: settings.leaseMs, by: ordinal });
    for (const [dependency, limit] of Object.entries(limits)) {
      const count = claimed.filter((effect) => effect.dependency === dependency).length;
      if (count < limit) this.#crowded.delete(dependency);
      else this.#crowded.add(dependency);
    }
    return claimed;
  }

  #freePlaces(dependency: string): number {
    return this.#options.settings.effectsPerDependencyMax - (this.#running.get(dependency) ?? 0);
  }

  /** An attempt that ends leaves its place to others, and the way to what stands behind it. */
  #noteEnd({ dependency, stream }: ClaimedEffect, hasOutcome: boolean): void {
    const isAwaited = this.#queueing.has(stream) || this.#crowded.has(dependency);
    if (hasOutcome) this.#queueing.delete(stream);
    // What other processes have asked for is not known here.
    const isAlone = this.#options.perform !== undefined;
    if (isAwaited || !isAlone) this.#hint();
  }

  #hint(): void {
    this.#isHinted = true;
    this.#wake();
  }

  #start(effect: ClaimedEffect, signal: AbortSignal): void {
    const { dependency, stream } = effect;
    this.#running.set(dependency, (this.#running.get(dependency) ?? 0) + 1);
    // A lease that ran out early (the database's clock has jumped) must not let a call overtake what it cancels.
    const before = this.#attempts.get(stream);
    const attempt = before === undefined
      ? this.#perform(effect, signal)
      : before.then(() => this.#perform(effect, signal));
    this.#attempts.set(stream, attempt);
    const number = this.#taskCount += 1;
    const task = attempt.then((hasOutcome) => {
      if (this.#attempts.get(stream) === attempt) this.#attempts.delete(stream);
      this.#running.set(dependency, (this.#running.get(dependency) ?? 1) - 1);
      this.#tasks.delete(number);
      this.#noteEnd(effect, hasOutcome);
    });
    this.#tasks.set(number, task);
  }

  /** Never throws. @returns Whether it has an outcome now. */
  async #perform(effect: ClaimedEffect, stopping: AbortSignal): Promise<boolean> {
    const { store, log, meter, clock, inTrace } = this.#options;
    const startedMs = clock.monotonicMs();
    const deadline = new AbortController();
    try {
      const call = () => this.#call(effect, { deadline, stopping });
      const outcome = await inTrace(`effect ${effect.effect}`, effect.headers, call);
      await this.#record(effect, this.#outcomeCommand(effect, outcome));
      meter.effect(effect.effect, "done", clock.monotonicMs() - startedMs);
      return true;
    } catch (error) {
      meter.effect(effect.effect, "unknown", clock.monotonicMs() - startedMs);
      const retryInMs = this.#retryInMs(effect, error);
      log.warn("Effect {effect} has no outcome yet after attempt {attempt}: {error}", {
        effect: effect.effect,
        attempt: effect.attempt,
        error: errorText(error),
        retryInMs,
      });
      // If this fails, too, the lease runs out and the effect is claimed again.
      const release = { retryInMs, error: errorText(error), mayArrive: deadline.signal.aborted };
      await store.releaseEffect(effect, release).catch(() => {});
      return false;
    }
  }

  async #call(
    effect: ClaimedEffect,
    { deadline, stopping }: { readonly deadline: AbortController; readonly stopping: AbortSignal },
  ): Promise<unknown> {
    const definition = this.#definitions.get(effect.effect);
    const adapter = this.#options.adapters[effect.effect];
    if (definition === undefined || adapter === undefined) {
      throw new Error(`Cannot perform "${effect.effect}": the service has no adapter for it`);
    }
    const forget = new AbortController();
    const abort = () => deadline.abort();
    stopping.addEventListener("abort", abort, { once: true });
    void this.#options.clock.delay(definition.deadlineMs, forget.signal).then(() => {
      // An exception for nobody: it is made with its stack, and costs as much as a row.
      if (!forget.signal.aborted) abort();
    });
    const call: EffectCall = { idempotencyKey: effect.id, signal: deadline.signal, attempt: effect.attempt };
    try {
      return await this.#breakers.get(effect.dependency)!.execute(async () => {
        // Only a repeat can have an earlier attempt to ask about.
        const known = effect.attempt > 1 ? await adapter.find?.(effect.request, call) : undefined;
        const outcome = known ?? await adapter.perform(effect.request, call);
        return definition.outcomeSchema.parse(outcome);
      });
    } finally {
      forget.abort("ended");
      stopping.removeEventListener("abort", abort);
    }
  }

  #retryInMs(effect: ClaimedEffect, error: unknown): number {
    const { effectRetryMinMs, effectRetryMaxMs } = this.#options.settings;
    if (error instanceof MeshError && error.reason === circuitOpen) return 5_000;
    return Math.min(effectRetryMinMs * 2 ** Math.min(effect.attempt - 1, 20), effectRetryMaxMs);
  }

  async #record(effect: ClaimedEffect, command: AnyCommand): Promise<void> {
    const { perform, store, publisher, log } = this.#options;
    try {
      if (perform !== undefined) return void await perform(this.#workOf(effect, command));
    } catch (error) {
      if (error instanceof MeshError && error.reason === "lease-lost") return;
      log.debug("Outcome of {effect} goes through the mailbox: {error}", {
        effect: effect.effect,
        error: errorText(error),
      });
    }
    const entry = this.#outcomeEntry(effect, command);
    if (await store.finishEffect(effect, entry)) publisher.enqueue([entry]);
  }

  #outcomeCommand(effect: ClaimedEffect, outcome: unknown): AnyCommand {
    const { speaker } = this.#options;
    const key = effect.stream.slice(speaker.service.length + 1);
    const { RecordOutcome } = systemContracts(speaker.service);
    return RecordOutcome({ key, effect: effect.effect, effectId: effect.id, outcome });
  }

  #workOf(effect: ClaimedEffect, command: AnyCommand): Work {
    const { speaker, ids } = this.#options;
    const { correlation, causedBy, headers, id, leaseEpoch } = effect;
    const cause = causedBy.cause as Cause | undefined;
    const work = localWork(command, {
      service: speaker.service,
      id: ids.next(),
      correlation,
      ...(cause === undefined ? {} : { cause }),
      headers,
      endsEffect: { id, leaseEpoch },
    });
    return { ...work, causation: causedBy.messageId };
  }

  #outcomeEntry(effect: ClaimedEffect, command: AnyCommand): OutboxEntry {
    const { speaker, ids, databaseClock } = this.#options;
    const cause = effect.causedBy.cause as Cause | undefined;
    const entry = speaker.command(command, ids.next(), effect.stream, {
      correlation: effect.correlation,
      causation: effect.causedBy.messageId,
      ...(cause === undefined ? {} : { cause }),
      headers: effect.headers,
      nowMs: databaseClock.nowMs(),
    });
    return speaker.sealAll([entry])[0]!;
  }

  /** One signal for both ends of the wait: one that depends on two costs as much as the look that follows. */
  async #untilHintedOr(waitMs: number, signal: AbortSignal): Promise<void> {
    const end = new AbortController();
    const stop = () => end.abort("hinted");
    this.#wake = stop;
    signal.addEventListener("abort", stop, { once: true });
    await this.#options.clock.delay(waitMs, end.signal);
    signal.removeEventListener("abort", stop);
  }
}
