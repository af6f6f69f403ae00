import { errorCode } from "@mesh/base";
import { type CommitResult, noWrites, type TurnWrites } from "@mesh/store";
import type postgres from "postgres";
import type { Acceptance, RequestRef } from "../requests.ts";
import { requestKnown, underWay } from "./memory_requests.ts";

/** Commits a turn together with statements of one's own. */
export type CommitWith = (
  writes: TurnWrites,
  participant: (sql: postgres.TransactionSql) => Promise<void>,
) => Promise<CommitResult>;

interface Waiting {
  readonly writes: TurnWrites;
  readonly acceptance: Acceptance;
  readonly answer: PromiseWithResolvers<CommitResult>;
}

/** 64 at once: as many as a turn takes; a transaction of more would make the first one wait for the last. */
const togetherMax = 64;

/**
 * Commits writes that come at the same time in one transaction: whatever has come while the one before was committing. A
 * lone write waits for nobody. Each transaction costs as much as dozens of rows in it.
 */
export class AcceptTogether {
  readonly #commitWith: CommitWith;
  #waiting: Waiting[] = [];
  #isCommitting = false;

  constructor(commitWith: CommitWith) {
    this.#commitWith = commitWith;
  }

  /** Commits a signed command with the acceptance that led to it. @throws As `Requests.accept` does. */
  accept(writes: TurnWrites, acceptance: Acceptance): Promise<CommitResult> {
    const answer = Promise.withResolvers<CommitResult>();
    this.#waiting.push({ writes, acceptance, answer });
    if (!this.#isCommitting) void this.#commitAll();
    return answer.promise;
  }

  async #commitAll(): Promise<void> {
    this.#isCommitting = true;
    while (this.#waiting.length > 0) await this.#commit(this.#takeGroup());
    this.#isCommitting = false;
  }

  /** Each key once: what comes twice is known by the time of the next group. */
  #takeGroup(): readonly Waiting[] {
    const [first, ...rest] = this.#waiting;
    const group = [first!];
    const keys = new Set([keyOf(first!)]);
    const left: Waiting[] = [];
    for (const each of rest) {
      const fits = group.length < togetherMax && isPlain(first!) && isPlain(each) && !keys.has(keyOf(each));
      if (fits) keys.add(keyOf(each));
      (fits ? group : left).push(each);
    }
    this.#waiting = left;
    return group;
  }

  /** Never throws: everybody in the group hears what became of their own. */
  async #commit(group: readonly Waiting[]): Promise<void> {
    const writes = group.length === 1
      ? group[0]!.writes
      : { ...noWrites, outbox: group.flatMap((each) => each.writes.outbox) };
    try {
      const result = await this.#commitWith(writes, (sql) => insertAcceptances(sql, group));
      for (const { answer } of group) answer.resolve(result);
    } catch (error) {
      if (error instanceof Refused) {
        const { reasons } = error;
        for (const [index, { answer }] of group.entries()) if (reasons.has(index)) answer.reject(reasons.get(index));
        const others = group.filter((_each, index) => !reasons.has(index));
        if (others.length > 0) await this.#commit(others);
      } else if (group.length > 1 && errorCode(error) !== "dependency.unavailable") {
        // One of them is to blame, and nobody can tell which.
        for (const each of group) await this.#commit([each]);
      } else for (const { answer } of group) answer.reject(error);
    }
  }
}

/** Ends a transaction in which some keys were not free: what was written for the others is written again. */
class Refused extends Error {
  /** By place in the group. */
  readonly reasons: ReadonlyMap<number, Error>;

  constructor(reasons: ReadonlyMap<number, Error>) {
    super("some keys are not free");
    this.reasons = reasons;
  }
}

/**
 * One statement for all keys and their orders. The locks tell a request that is under way from one that was answered:
 * without them the second would wait for the first to commit. Where a key is not free the orders are undone with the rest.
 */
async function insertAcceptances(sql: postgres.TransactionSql, group: readonly Waiting[]): Promise<void> {
  const taken = await sql<{ place: number; is_locked: boolean; is_inserted: boolean }[]>`
    with wanted as materialized (
      select w.*, pg_try_advisory_xact_lock(hashtextextended(w.account_id || ' ' || w.key, 0)) as is_locked
      from json_to_recordset(${JSON.stringify(group.map(requestRecord))}::text::json)
        as w (place integer, account_id uuid, key text, route text, digest text, answer json)
    ),
    request as (
      insert into gateway.request (account_id, key, route, digest, answer, created_at_ms, lease_until_ms)
      select account_id, key, route, digest, answer, mesh.now_ms(), mesh.now_ms() from wanted where is_locked
      on conflict (account_id, key) do nothing
      returning account_id, key
    ),
    accepted as (
      insert into gateway.accepted_order
        (order_id, customer_id, accepted_at_ms, address_ref, currency, total_minor, lines)
      select order_id, customer_id, mesh.now_ms(), address_ref, currency, total_minor, lines
      from json_to_recordset(${JSON.stringify(group.flatMap(orderRecords))}::text::json) as o (order_id uuid,
        customer_id uuid, address_ref uuid, currency text, total_minor bigint, lines json)
      where not exists (select from wanted where not is_locked)
    )
    select place, is_locked,
      exists (select from request r where r.account_id = w.account_id and r.key = w.key) as is_inserted
    from wanted w`;
  const reasons = new Map(
    taken.filter(({ is_inserted }) => !is_inserted)
      .map(({ place, is_locked }) => [place, refusalOf(group[place]!.acceptance.request, is_locked)]),
  );
  if (reasons.size > 0) throw new Refused(reasons);
}

function requestRecord({ acceptance: { request: { accountId, key, route, digest }, answer } }: Waiting, place: number) {
  return { place, account_id: accountId, key, route, digest, answer };
}

function orderRecords({ acceptance: { order } }: Waiting) {
  if (order === undefined) return [];
  const { orderId, customerId, addressRef, currency, totalMinor, lines } = order;
  return [{
    order_id: orderId,
    customer_id: customerId,
    address_ref: addressRef,
    currency,
    total_minor: totalMinor,
    lines,
  }];
}

function refusalOf(request: RequestRef, isLocked: boolean): Error {
  return isLocked ? requestKnown(request) : underWay(request);
}

function keyOf({ acceptance: { request: { accountId, key } } }: Waiting): string {
  return `${accountId} ${key}`;
}

/** Whether nothing but commands is committed, so that it can be joined with others. */
function isPlain({ writes }: Waiting): boolean {
  return Object.entries(writes).every(([name, value]) =>
    name === "outbox" || (Array.isArray(value) && value.length === 0)
  );
}
