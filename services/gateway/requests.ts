import type { CommitResult, TurnWrites } from "@mesh/store";
import type { OrderLine } from "./projections/order_row.ts";

/** What is answered, once and again. */
export interface StoredAnswer {
  readonly status: number;
  /** `Location`, where there is one. */
  readonly location?: string;
  readonly body: unknown;
}

/** A write as its sender named it. */
export interface RequestRef {
  /** Who asks: the account of the access token. */
  readonly accountId: string;
  /** `Idempotency-Key`. */
  readonly key: string;
  /** Method and path. */
  readonly route: string;
  /** SHA-256 of what was asked. */
  readonly digest: string;
}

/** What is known of a request. */
export interface KnownRequest extends RequestRef {
  /** Absent while it is under way. */
  readonly answer?: StoredAnswer;
}

/** An order as it was accepted. */
export interface AcceptedOrder {
  readonly orderId: string;
  readonly customerId: string;
  readonly addressRef: string;
  readonly currency: string;
  readonly totalMinor: number;
  readonly lines: readonly OrderLine[];
  /** On the database's clock, in milliseconds since 1970. */
  readonly acceptedAtMs: number;
}

/** Everything that one accepted write leaves here, in the transaction of its command. */
export interface Acceptance {
  readonly request: RequestRef;
  readonly answer: StoredAnswer;
  readonly order?: Omit<AcceptedOrder, "acceptedAtMs">;
}

/** The gateway's own rows: accepted orders, idempotency keys, whose addresses it has seen. */
export interface Requests {
  /** @throws {UnavailableError} If the database is away, as everywhere here. */
  find(accountId: string, key: string): Promise<KnownRequest | undefined>;
  /**
   * Commits a signed command together with the acceptance of the request that led to it.
   *
   * @throws {ConflictError} With reason `request-known` if the key was used before, `request-under-way` if another
   * request with it is being handled at this moment. Nothing is written then.
   */
  accept(writes: TurnWrites, acceptance: Acceptance): Promise<CommitResult>;
  /**
   * Takes a key for a request that is answered by another service.
   *
   * @param leaseMs How long it counts as under way if nobody settles it.
   * @throws {ConflictError} As {@link accept} does.
   */
  claim(request: RequestRef, leaseMs: number): Promise<void>;
  /** Stores the answer of a claimed request, and the address that came with it. */
  settle(request: RequestRef, answer: StoredAnswer, addressRef?: string): Promise<void>;
  /** Gives a claimed key back: nothing has happened. */
  release(request: RequestRef): Promise<void>;

  /** @returns The order, if it is the customer's. */
  findOrder(customerId: string, orderId: string): Promise<AcceptedOrder | undefined>;
  /** @returns A customer's orders, newest first, those with ids below `before` if given. */
  listOrders(customerId: string, page: { readonly before?: string; readonly limit: number }): Promise<
    readonly AcceptedOrder[]
  >;

  /** Whether the address is known to be the customer's. */
  isAddressOf(customerId: string, addressRef: string): Promise<boolean>;
  /** Remembers whose the addresses are; what is known stays. */
  noteAddresses(customerId: string, addressRefs: readonly string[]): Promise<void>;

  /** Removes keys older than `ageMs`. @returns How many. */
  forgetRequests(ageMs: number): Promise<number>;
}
