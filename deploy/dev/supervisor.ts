import { type Clock, errorText } from "@mesh/base";
import type { Shop } from "./start_shop.ts";
import type { Child } from "./service_process.ts";
import { simulators } from "./shop_processes.ts";
import { affectedBy } from "./source_watch.ts";

/** What a supervisor looks after. */
export interface SupervisorOptions {
  readonly shop: Shop;
  readonly clock: Clock;
  readonly log: (line: string) => void;
  /** Ends the looking after; the shop itself is stopped by whoever started it. */
  readonly signal: AbortSignal;
}

/** First wait before a crashed process is started again, and the longest. */
const [waitFirstMs, waitMaxMs] = [500, 15_000] as const;
/** A process that ran so long had no trouble starting. */
const stableMs = 20_000;
/** Time between two looks at the servers. */
const serversEveryMs = 2_000;

/** Keeps a shop running: starts what has crashed again, and restarts what has changed. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  /** Processes that are being restarted on purpose: their end is no crash. */
  readonly #restarting = new Set<string>();
  /** Ends the wait of a process that keeps crashing, because its files have changed. */
  readonly #impatience = new Map<string, AbortController>();
  #work: Promise<void> = Promise.resolve();

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** Looks after everything until the signal aborts. */
  async run(): Promise<void> {
    const { shop } = this.#options;
    const names = [simulators, ...shop.serviceNames];
    await Promise.all([...names.map((name) => this.#keep(name)), this.#keepServers()]);
    await this.#work;
  }

  /** Restarts what changed files belong to, one change after the other. */
  noteChange(paths: readonly string[]): void {
    const { shop, log } = this.#options;
    const { restart, needsNewStart } = affectedBy(paths, shop.serviceNames);
    const names = restart === "all" ? shop.serviceNames : restart;
    this.#work = this.#work.then(() => this.#restartAll(names)).then(() => {
      if (needsNewStart.length > 0) log(`start again to take in rights and tables of ${needsNewStart.join(", ")}`);
    });
  }

  async #restartAll(names: readonly string[]): Promise<void> {
    const { log, clock, signal } = this.#options;
    if (names.length === 0 || signal.aborted) return;
    log(`sources changed: restarting ${names.join(", ")}`);
    const startedMs = clock.monotonicMs();
    const outcomes = await Promise.all(names.map((name) => this.#restart(name)));
    const failed = outcomes.filter((outcome) => outcome !== undefined);
    const seconds = ((clock.monotonicMs() - startedMs) / 1000).toFixed(1);
    log(failed.length === 0 ? `restarted within ${seconds} s` : failed.join("; "));
  }

  /** @returns What went wrong, if anything. */
  async #restart(name: string): Promise<string | undefined> {
    const { shop, signal } = this.#options;
    const child = shop.child(name);
    if (!child.isRunning) {
      this.#impatience.get(name)?.abort();
      return undefined;
    }
    this.#restarting.add(name);
    try {
      await child.stop();
      if (signal.aborted) return undefined;
      shop.restart(name);
      if (name !== simulators) await shop.untilReady(name);
      return undefined;
    } catch (error) {
      return signal.aborted ? undefined : errorText(error);
    } finally {
      this.#restarting.delete(name);
    }
  }

  /** Starts one process again whenever it ends without having been told to. */
  async #keep(name: string): Promise<void> {
    const { shop, clock, log, signal } = this.#options;
    let waitMs: number = waitFirstMs;
    while (!signal.aborted) {
      const child = shop.child(name);
      const sinceMs = clock.monotonicMs();
      const code = await endOf(child, signal);
      if (signal.aborted) return;
      if (this.#restarting.has(name) || shop.child(name) !== child) {
        // Its successor is looked after as soon as it is there.
        await clock.delay(50, signal);
        continue;
      }
      if (clock.monotonicMs() - sinceMs > stableMs) waitMs = waitFirstMs;
      log(`${name} ended with code ${code}; starting it again in ${waitMs} ms`);
      const impatience = new AbortController();
      this.#impatience.set(name, impatience);
      await clock.delay(waitMs, AbortSignal.any([signal, impatience.signal]));
      this.#impatience.delete(name);
      waitMs = impatience.signal.aborted ? waitFirstMs : Math.min(waitMs * 2, waitMaxMs);
      if (!signal.aborted) shop.restart(name);
    }
  }

  /** Starting a server that runs does nothing; one that has crashed comes back on the data it has. */
  async #keepServers(): Promise<void> {
    const { shop, clock, log, signal } = this.#options;
    const { broker, postgres } = shop.infra;
    const servers = [["RabbitMQ", broker], ["PostgreSQL", postgres]] as const;
    while (!signal.aborted) {
      await clock.delay(serversEveryMs, signal);
      for (const [name, server] of servers) {
        if (signal.aborted) return;
        const startedMs = clock.monotonicMs();
        try {
          await server.start();
          // A start that did something takes seconds.
          if (clock.monotonicMs() - startedMs < 200) continue;
          log(`${name} had ended and runs again`);
          if (server === broker) await shop.reloadBroker();
        } catch (error) {
          log(`cannot start ${name} again: ${errorText(error)}`);
        }
      }
    }
  }
}

/** @returns The exit code; -1 if `signal` aborted first. */
function endOf(child: Child, signal: AbortSignal): Promise<number> {
  return new Promise((resolve) => {
    const give = () => resolve(-1);
    if (signal.aborted) give();
    signal.addEventListener("abort", give, { once: true });
    void child.ended.then((code) => {
      signal.removeEventListener("abort", give);
      resolve(code);
    });
  });
}
