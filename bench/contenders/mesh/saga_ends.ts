import type { Store, TurnWrites } from "@mesh/store";
import type { SagaTurnData } from "@mesh/saga";
import { SagaAdvanced } from "./contracts.ts";

/** Hears of the ends of sagas as soon as they are committed, without asking the database. */
export class SagaEnds {
  readonly #waiting = new Map<string, (phase: string) => void>();

  /** Decorates the store of the service that hosts the sagas. */
  observe(store: Store): Store {
    const commit: Store["commit"] = async (writes) => {
      const result = await store.commit(writes);
      if (result.outcome === "committed") this.#note(writes);
      return result;
    };
    return new Proxy(store, {
      get: (target, name) => {
        if (name === "commit") return commit;
        const value = Reflect.get(target, name);
        // Bound, because a proxy has no private fields.
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }

  /** @returns The phase that the saga of an order ends in; ask before it can end. */
  until(orderId: string): Promise<string> {
    return new Promise((resolve) => this.#waiting.set(orderId, resolve));
  }

  #note({ events }: TurnWrites): void {
    for (const { type, data, correlation } of events) {
      if (type !== SagaAdvanced.type) continue;
      const { phase } = data as unknown as SagaTurnData;
      if (phase !== "completed" && phase !== "rejected") continue;
      this.#waiting.get(correlation)?.(phase);
      this.#waiting.delete(correlation);
    }
  }
}
