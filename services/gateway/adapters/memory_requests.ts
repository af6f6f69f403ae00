import { type Clock, ConflictError } from "@mesh/base";
import type { CommitResult, Store, TurnWrites } from "@mesh/store";
import type { Acceptance, AcceptedOrder, KnownRequest, RequestRef, Requests, StoredAnswer } from "../requests.ts";

interface Entry extends KnownRequest {
  readonly createdAtMs: number;
  readonly leaseUntilMs: number;
}

/** The gateway's rows in memory, for tests; turns go to the given store. */
export class MemoryRequests implements Requests {
  readonly #store: Pick<Store, "commit">;
  readonly #clock: Pick<Clock, "nowMs">;
  readonly #requests = new Map<string, Entry>();
  readonly #orders = new Map<string, AcceptedOrder>();
  readonly #addresses = new Map<string, string>();
  readonly #locked = new Set<string>();

  constructor(store: Pick<Store, "commit">, clock: Pick<Clock, "nowMs">) {
    this.#store = store;
    this.#clock = clock;
  }

  find(accountId: string, key: string): Promise<KnownRequest | undefined> {
    const found = this.#requests.get(idOf({ accountId, key }));
    if (found === undefined) return Promise.resolve(undefined);
    const { createdAtMs: _createdAtMs, leaseUntilMs: _leaseUntilMs, ...known } = found;
    return Promise.resolve(structuredClone(known));
  }

  async accept(writes: TurnWrites, { request, answer, order }: Acceptance): Promise<CommitResult> {
    const id = idOf(request);
    if (this.#locked.has(id)) throw underWay(request);
    this.#assertFree(request);
    this.#locked.add(id);
    try {
      const result = await this.#store.commit(writes);
      if (result.outcome === "conflict") return result;
      const nowMs = this.#clock.nowMs();
      this.#requests.set(id, structuredClone({ ...request, answer, createdAtMs: nowMs, leaseUntilMs: nowMs }));
      if (order !== undefined) this.#orders.set(order.orderId, structuredClone({ ...order, acceptedAtMs: nowMs }));
      return result;
    } finally {
      this.#locked.delete(id);
    }
  }

  // deno-lint-ignore require-await
  async claim(request: RequestRef, leaseMs: number): Promise<void> {
    this.#assertFree(request);
    const nowMs = this.#clock.nowMs();
    this.#requests.set(idOf(request), { ...request, createdAtMs: nowMs, leaseUntilMs: nowMs + leaseMs });
  }

  settle(request: RequestRef, answer: StoredAnswer, addressRef?: string): Promise<void> {
    const entry = this.#requests.get(idOf(request));
    if (entry !== undefined) this.#requests.set(idOf(request), structuredClone({ ...entry, answer }));
    if (addressRef !== undefined) this.#note(request.accountId, addressRef);
    return Promise.resolve();
  }

  release(request: RequestRef): Promise<void> {
    if (this.#requests.get(idOf(request))?.answer === undefined) this.#requests.delete(idOf(request));
    return Promise.resolve();
  }

  findOrder(customerId: string, orderId: string): Promise<AcceptedOrder | undefined> {
    const order = this.#orders.get(orderId);
    return Promise.resolve(order?.customerId === customerId ? structuredClone(order) : undefined);
  }

  listOrders(
    customerId: string,
    { before, limit }: { readonly before?: string; readonly limit: number },
  ): Promise<readonly AcceptedOrder[]> {
    const own = [...this.#orders.values()]
      .filter((order) => order.customerId === customerId && (before === undefined || order.orderId < before))
      .sort((a, b) => a.orderId < b.orderId ? 1 : -1);
    return Promise.resolve(structuredClone(own.slice(0, limit)));
  }

  isAddressOf(customerId: string, addressRef: string): Promise<boolean> {
    return Promise.resolve(this.#addresses.get(addressRef) === customerId);
  }

  noteAddresses(customerId: string, addressRefs: readonly string[]): Promise<void> {
    for (const addressRef of addressRefs) this.#note(customerId, addressRef);
    return Promise.resolve();
  }

  forgetRequests(ageMs: number): Promise<number> {
    const untilMs = this.#clock.nowMs() - ageMs;
    const old = [...this.#requests].filter(([, { createdAtMs }]) => createdAtMs < untilMs);
    for (const [id] of old) this.#requests.delete(id);
    return Promise.resolve(old.length);
  }

  /** A claim whose lease has ended is free for the same request: whoever held it has died. */
  #assertFree(request: RequestRef): void {
    const known = this.#requests.get(idOf(request));
    if (known === undefined) return;
    if (known.answer !== undefined) throw requestKnown(request);
    if (known.leaseUntilMs > this.#clock.nowMs()) throw underWay(request);
    if (known.route !== request.route || known.digest !== request.digest) throw requestKnown(request);
  }

  #note(customerId: string, addressRef: string): void {
    if (!this.#addresses.has(addressRef)) this.#addresses.set(addressRef, customerId);
  }
}

/** The key was used before. */
export function requestKnown({ key }: Pick<RequestRef, "key">): ConflictError {
  return new ConflictError(`Cannot accept request "${key}": the key was used before`, { reason: "request-known" });
}

/** Another request with the key is being handled. */
export function underWay({ key }: Pick<RequestRef, "key">): ConflictError {
  return new ConflictError(`Cannot accept request "${key}": one with this key is under way`, {
    reason: "request-under-way",
  });
}

function idOf({ accountId, key }: Pick<RequestRef, "accountId" | "key">): string {
  return `${accountId} ${key}`;
}
