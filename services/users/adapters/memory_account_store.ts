import { ConflictError } from "@mesh/base";
import type { AnyCommand, AnyEvent } from "@mesh/contract";
import { behaviourOf, type Cause } from "@mesh/actor";
import {
  type Account,
  type AccountStore,
  type AccountTurns,
  type AccountWrite,
  type AddressVersion,
  judgeRefresh,
  type RefreshToken,
  type ReusedSession,
  type Rotation,
  type Session,
  type SessionOwner,
} from "../account_store.ts";
import { users } from "../actor.ts";
import type { Throttle } from "../login_throttle.ts";

type EndReason = "logged-out" | "reuse" | "revoked";
type SessionRow = Session & { readonly endReason?: EndReason; readonly isReported?: boolean };
type TokenRow = RefreshToken & { readonly isUsed?: boolean };

interface Tables {
  readonly accounts: Map<string, Account>;
  readonly sessions: Map<string, SessionRow>;
  readonly tokens: Map<string, TokenRow>;
  readonly addresses: Map<string, AddressVersion>;
  /** References by customer and idempotency key. */
  readonly addressKeys: Map<string, string>;
}

/** The store's double: the same promises, kept in memory. Rows are frozen copies, so nobody can change them from outside. */
export class MemoryAccountStore implements AccountStore, AccountTurns {
  readonly #events: (AnyEvent & { readonly cause?: Cause })[] = [];
  readonly #throttles = new Map<string, Throttle>();
  #tables: Tables = {
    accounts: new Map(),
    sessions: new Map(),
    tokens: new Map(),
    addresses: new Map(),
    addressKeys: new Map(),
  };

  /** Every event that turns have recorded, in order, with who caused it. */
  get events(): readonly (AnyEvent & { readonly cause?: Cause })[] {
    return this.#events;
  }

  /** @returns Hashes of all refresh tokens, to prove that nothing else is stored of them. */
  get tokenHashes(): readonly string[] {
    return [...this.#tables.tokens.keys()];
  }

  async run(command: AnyCommand, writes: readonly AccountWrite[], cause?: Cause): Promise<void> {
    const decided = this.#decide(command);
    await this.write(writes);
    this.#events.push(...decided.map((event) => (cause === undefined ? event : { ...event, cause })));
  }

  write(writes: readonly AccountWrite[]): Promise<void> {
    const { accounts, sessions, tokens, addresses, addressKeys } = this.#tables;
    const draft: Tables = {
      accounts: new Map(accounts),
      sessions: new Map(sessions),
      tokens: new Map(tokens),
      addresses: new Map(addresses),
      addressKeys: new Map(addressKeys),
    };
    try {
      for (const write of writes) apply(draft, write);
    } catch (error) {
      return Promise.reject(error);
    }
    this.#tables = draft;
    return Promise.resolve();
  }

  findAccountByEmail(emailKey: string): Promise<Account | undefined> {
    return Promise.resolve(this.#tables.accounts.values().find((account) => account.emailKey === emailKey));
  }

  findAccounts(customerIds: readonly string[]): Promise<readonly Account[]> {
    return Promise.resolve(customerIds.flatMap((customerId) => this.#tables.accounts.get(customerId) ?? []));
  }

  rotate(
    tokenHash: string,
    nowMs: number,
    next: (session: Session, owner: SessionOwner) => RefreshToken,
  ): Promise<Rotation> {
    const { accounts, sessions, tokens } = this.#tables;
    const token = tokens.get(tokenHash);
    const row = token === undefined ? undefined : sessions.get(token.sessionId);
    const account = row === undefined ? undefined : accounts.get(row.customerId);
    if (token === undefined || row === undefined || account === undefined) {
      return Promise.resolve({ outcome: "refused" });
    }
    const outcome = judgeRefresh({
      isUsed: token.isUsed === true,
      tokenExpiresAtMs: token.expiresAtMs,
      sessionExpiresAtMs: row.expiresAtMs,
      isSessionEnded: row.endReason !== undefined,
    }, nowMs);
    if (outcome === "reused") sessions.set(row.sessionId, Object.freeze({ ...row, endReason: "reuse" }));
    if (outcome !== "rotated") return Promise.resolve({ outcome });
    const owner = { customerId: account.customerId, role: account.role };
    const successor = next(sessionOf(row), owner);
    tokens.set(tokenHash, Object.freeze({ ...token, isUsed: true }));
    tokens.set(successor.tokenHash, Object.freeze({ ...successor }));
    return Promise.resolve({ outcome, owner });
  }

  findLiveSession(tokenHash: string, nowMs: number): Promise<Session | undefined> {
    const { sessions, tokens } = this.#tables;
    const row = sessions.get(tokens.get(tokenHash)?.sessionId ?? "");
    const isLive = row !== undefined && row.endReason === undefined && row.expiresAtMs > nowMs;
    return Promise.resolve(isLive ? sessionOf(row) : undefined);
  }

  listUnreportedReuse(limit: number): Promise<readonly ReusedSession[]> {
    const open = this.#tables.sessions.values().filter((row) => row.endReason === "reuse" && row.isReported !== true);
    return Promise.resolve([...open.take(limit).map(({ sessionId, customerId }) => ({ sessionId, customerId }))]);
  }

  changeThrottles(
    subjects: readonly string[],
    _nowMs: number,
    change: (throttles: readonly (Throttle | undefined)[]) => readonly (Throttle | undefined)[] | undefined,
  ): Promise<void> {
    const changed = change(subjects.map((subject) => this.#throttles.get(subject)));
    for (const [at, subject] of changed === undefined ? [] : subjects.entries()) {
      const throttle = changed?.[at];
      if (throttle === undefined) this.#throttles.delete(subject);
      else this.#throttles.set(subject, Object.freeze({ ...throttle }));
    }
    return Promise.resolve();
  }

  listAddresses(customerId: string): Promise<readonly AddressVersion[]> {
    const own = [...this.#tables.addresses.values()].filter((address) => address.customerId === customerId);
    return Promise.resolve(own.sort((a, b) => (a.addressRef < b.addressRef ? 1 : -1)));
  }

  findAddresses(addressRefs: readonly string[]): Promise<readonly AddressVersion[]> {
    return Promise.resolve(addressRefs.flatMap((addressRef) => this.#tables.addresses.get(addressRef) ?? []));
  }

  findAddressByKey(customerId: string, idempotencyKey: string): Promise<AddressVersion | undefined> {
    const addressRef = this.#tables.addressKeys.get(`${customerId} ${idempotencyKey}`) ?? "";
    return Promise.resolve(this.#tables.addresses.get(addressRef));
  }

  #decide(command: AnyCommand): readonly AnyEvent[] {
    const id = `message-${this.#events.length}`;
    const history = this.#events.filter(({ key }) => key === command.key);
    const state = history.reduce(
      (folded, event) => behaviour.evolve(folded, event),
      behaviour.initialState(command.key),
    );
    const received = { ...command, id, correlation: id, re: [], recordedAtMs: 0 };
    const context = { now: new Date(0), messageId: id, correlation: id, issuer: "users", newId: () => id };
    return behaviour.decide(state, received, context).filter((outgoing) => outgoing.kind === "event");
  }
}

const behaviour = behaviourOf(users);

function apply({ accounts, sessions, tokens, addresses, addressKeys }: Tables, write: AccountWrite): void {
  switch (write.kind) {
    case "add-account": {
      const { account } = write;
      if (accounts.values().some(({ emailKey }) => emailKey === account.emailKey)) throw refusal("email-taken");
      accounts.set(account.customerId, Object.freeze({ ...account }));
      return;
    }
    case "change-role":
    case "replace-password": {
      const { kind: _kind, customerId, ...changed } = write;
      const account = accounts.get(customerId);
      if (account !== undefined) accounts.set(customerId, Object.freeze({ ...account, ...changed }));
      return;
    }
    case "start-session":
      sessions.set(write.session.sessionId, Object.freeze({ ...write.session }));
      tokens.set(write.token.tokenHash, Object.freeze({ ...write.token }));
      return;
    case "end-session": {
      const row = sessions.get(write.sessionId);
      if (row === undefined || row.endReason !== undefined) throw refusal("session-over");
      sessions.set(write.sessionId, Object.freeze({ ...row, endReason: "logged-out" }));
      return;
    }
    case "end-all-sessions":
      for (const row of sessions.values().filter(({ customerId }) => customerId === write.customerId)) {
        sessions.set(row.sessionId, Object.freeze({ endReason: "revoked", ...row }));
      }
      return;
    case "note-reuse-reported": {
      const row = sessions.get(write.sessionId);
      if (row?.endReason !== "reuse" || row.isReported === true) throw refusal("already-reported");
      sessions.set(write.sessionId, Object.freeze({ ...row, isReported: true }));
      return;
    }
    case "add-address": {
      const { address, idempotencyKey, countMax } = write;
      const key = `${address.customerId} ${idempotencyKey}`;
      if (addressKeys.has(key)) throw refusal("key-known");
      const count = [...addresses.values()].filter(({ customerId }) => customerId === address.customerId).length;
      if (count >= countMax) throw refusal("too-many-addresses");
      addresses.set(address.addressRef, Object.freeze({ ...address, lines: Object.freeze([...address.lines]) }));
      addressKeys.set(key, address.addressRef);
      return;
    }
  }
}

function refusal(reason: string): ConflictError {
  return new ConflictError(`Cannot write account rows: ${reason}`, { reason });
}

function sessionOf({ sessionId, customerId, startedAtMs, expiresAtMs }: SessionRow): Session {
  return { sessionId, customerId, startedAtMs, expiresAtMs };
}
