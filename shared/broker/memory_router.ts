import { topicMatcher } from "./topic_pattern.ts";
import type { BindingSpec } from "./topology.ts";

interface Binding extends BindingSpec {
  readonly takes: (routingKey: string) => boolean;
}

/** Finds the queues that a message reaches, through exchanges bound to exchanges. */
export class MemoryRouter {
  readonly #bindingsOf = new Map<string, Binding[]>();
  /** Keys repeat all the time (types by slots), patterns are slow to match. */
  readonly #known = new Map<string, Map<string, ReadonlySet<string>>>();
  #knownCount = 0;

  constructor(bindings: Iterable<BindingSpec>) {
    for (const binding of bindings) {
      const known = this.#bindingsOf.get(binding.source);
      const prepared = { ...binding, takes: topicMatcher(binding.pattern) };
      if (known === undefined) this.#bindingsOf.set(binding.source, [prepared]);
      else known.push(prepared);
    }
  }

  /** @returns Names of queues, each once. */
  queuesFor(exchange: string, routingKey: string): ReadonlySet<string> {
    const known = this.#known.get(exchange)?.get(routingKey);
    if (known !== undefined) return known;
    const queues = this.#walk(exchange, routingKey);
    if (this.#knownCount >= knownMax) {
      this.#known.clear();
      this.#knownCount = 0;
    }
    this.#knownCount += 1;
    const byKey = this.#known.get(exchange) ?? new Map<string, ReadonlySet<string>>();
    this.#known.set(exchange, byKey.set(routingKey, queues));
    return queues;
  }

  #walk(exchange: string, routingKey: string): ReadonlySet<string> {
    // The default exchange is bound to every queue by the queue's name.
    if (exchange === "") return new Set([routingKey]);
    const queues = new Set<string>();
    const exchanges = new Set([exchange]);
    for (const source of exchanges) {
      for (const { destination, destinationType, takes } of this.#bindingsOf.get(source) ?? []) {
        if (!takes(routingKey)) continue;
        if (destinationType === "exchange") exchanges.add(destination);
        else queues.add(destination);
      }
    }
    return queues;
  }
}

/** 50,000: more routes than a mesh uses (types by slots of key and flow); a bound, not a tuning knob. */
const knownMax = 50_000;
