import { deepStrictEqual as assertEquals, rejects as assertRejects } from "node:assert/strict";
import { type IdSource, sequentialIds } from "@mesh/base";
import type {
  Account,
  AccountStore,
  AccountWrite,
  AddressVersion,
  RefreshToken,
  Rotation,
  Session,
  SessionOwner,
} from "./account_store.ts";
import type { Throttle } from "./login_throttle.ts";

const hourMs = 3_600_000;
const startMs = Date.UTC(2026, 0, 1);

interface Case {
  readonly store: AccountStore;
  readonly ids: IdSource;
}

/**
 * Holds a store to the promises of the port.
 *
 * @param name Of the adapter, for the tests' names.
 * @param open Gives an empty store.
 */
export function testAccountStore(name: string, open: () => Promise<AccountStore & Partial<AsyncDisposable>>): void {
  for (const [promise, check] of Object.entries(promises)) {
    Deno.test(`${name} ${promise}`, async () => {
      const store = await open();
      try {
        await check({ store, ids: sequentialIds() });
      } finally {
        await store[Symbol.asyncDispose]?.();
      }
    });
  }
}

const promises: Readonly<Record<string, (given: Case) => Promise<void>>> = {
  "finds an account by address and by pseudonym, whole": async ({ store, ids }) => {
    const account = await addAccount(store, ids, "mina@example.com");
    assertEquals(await store.findAccountByEmail("mina@example.com"), account);
    const another = await addAccount(store, ids, "jun@example.com");
    const asked = [another.customerId, ids.next(), account.customerId];
    assertEquals(new Set(await store.findAccounts(asked)), new Set([account, another]));
    assertEquals(await store.findAccountByEmail("nobody@example.com"), undefined);
    assertEquals(await store.findAccounts([ids.next()]), []);
  },

  "refuses a taken address and writes nothing of the same turn": async ({ store, ids }) => {
    const first = await addAccount(store, ids, "mina@example.com");
    const second = accountFor(ids, "mina@example.com");
    await assertRejects(
      store.write([
        { kind: "replace-password", customerId: first.customerId, passwordHash: "$argon2id$other" },
        { kind: "add-account", account: second },
      ]),
      { code: "store.conflict", reason: "email-taken" },
    );
    assertEquals(await store.findAccounts([second.customerId]), []);
    assertEquals(await store.findAccounts([first.customerId]), [first]);
  },

  "lets one of many simultaneous registrations of an address win": async ({ store, ids }) => {
    const accounts = Array.from({ length: 8 }, () => accountFor(ids, "mina@example.com"));
    const results = await Promise.allSettled(
      accounts.map((account) => store.write([{ kind: "add-account", account }])),
    );
    assertEquals(results.filter(({ status }) => status === "fulfilled").length, 1);
    const winner = accounts[results.findIndex(({ status }) => status === "fulfilled")];
    assertEquals(await store.findAccountByEmail("mina@example.com"), winner);
  },

  "changes role and password of one account only": async ({ store, ids }) => {
    const account = await addAccount(store, ids, "mina@example.com");
    const other = await addAccount(store, ids, "jun@example.com");
    const { customerId } = account;
    await store.write([
      { kind: "change-role", customerId, role: "staff" },
      { kind: "replace-password", customerId, passwordHash: "$argon2id$new" },
    ]);
    assertEquals(await store.findAccounts([customerId]), [{
      ...account,
      role: "staff",
      passwordHash: "$argon2id$new",
    }]);
    assertEquals(await store.findAccounts([other.customerId]), [other]);
  },

  "rotates a refresh token once and ends the session at its second use": async (given) => {
    const { session } = await startSession(given);
    assertEquals(await rotate(given, "a", "b"), { outcome: "rotated", owner: ownerOf(session) });
    assertEquals(await rotate(given, "b", "c"), { outcome: "rotated", owner: ownerOf(session) });
    assertEquals(await rotate(given, "a", "d"), { outcome: "reused" });
    assertEquals(await rotate(given, "c", "e"), { outcome: "refused" });
    const reused = { sessionId: session.sessionId, customerId: session.customerId };
    assertEquals(await given.store.listUnreportedReuse(10), [reused]);
  },

  "takes the later of two simultaneous uses of a refresh token for a reuse": async (given) => {
    await startSession(given);
    const outcomes = await Promise.all(["b", "c"].map((next) => rotate(given, "a", next)));
    assertEquals(outcomes.map(({ outcome }) => outcome).sort(), ["reused", "rotated"]);
    assertEquals(await rotate(given, "b", "d"), { outcome: "refused" });
    assertEquals(await rotate(given, "c", "e"), { outcome: "refused" });
  },

  "refuses refresh tokens that are unknown or past their end, and keeps the session": async (given) => {
    const { session } = await startSession(given);
    assertEquals(await rotate(given, "unknown", "b"), { outcome: "refused" });
    assertEquals(await rotate(given, "a", "b", startMs + hourMs), { outcome: "refused" });
    assertEquals(await given.store.findLiveSession("a", startMs + hourMs), session);
  },

  "refuses every token of a session past its end, used or not": async (given) => {
    await startSession(given);
    await rotate(given, "a", "b");
    assertEquals(await rotate(given, "b", "c", startMs + 12 * hourMs), { outcome: "refused" });
    assertEquals(await rotate(given, "a", "d", startMs + 12 * hourMs), { outcome: "refused" });
    assertEquals(await given.store.listUnreportedReuse(10), []);
    assertEquals(await given.store.findLiveSession("b", startMs + 12 * hourMs), undefined);
  },

  "gives a refreshed session the role that the account has by then": async (given) => {
    const { session } = await startSession(given);
    await given.store.write([{ kind: "change-role", customerId: session.customerId, role: "staff" }]);
    const rotation = await rotate(given, "a", "b");
    assertEquals(rotation, { outcome: "rotated", owner: { customerId: session.customerId, role: "staff" } });
  },

  "finds the live session of a used token, too": async (given) => {
    const { session } = await startSession(given);
    await rotate(given, "a", "b");
    assertEquals(await given.store.findLiveSession("a", startMs), session);
    assertEquals(await given.store.findLiveSession("unknown", startMs), undefined);
  },

  "ends a session once; its tokens are refused and count as no reuse": async (given) => {
    const { session: { sessionId } } = await startSession(given);
    await rotate(given, "a", "b");
    const write = { kind: "end-session", sessionId, atMs: startMs } as const;
    await given.store.write([write]);
    await assertRejects(given.store.write([write]), { code: "store.conflict", reason: "session-over" });
    assertEquals(await rotate(given, "b", "c"), { outcome: "refused" });
    assertEquals(await rotate(given, "a", "d"), { outcome: "refused" });
    assertEquals(await given.store.findLiveSession("b", startMs), undefined);
    assertEquals(await given.store.listUnreportedReuse(10), []);
  },

  "ends all sessions of one account and of no other": async (given) => {
    const { session } = await startSession(given);
    const other = await startSession(given, "jun@example.com", "x");
    await given.store.write([{ kind: "end-all-sessions", customerId: session.customerId, atMs: startMs }]);
    assertEquals(await given.store.findLiveSession("a", startMs), undefined);
    assertEquals(await given.store.findLiveSession("x", startMs), other.session);
  },

  "notes once that a reuse was reported": async (given) => {
    const { session: { sessionId } } = await startSession(given);
    const write = { kind: "note-reuse-reported", sessionId, atMs: startMs } as const;
    await assertRejects(given.store.write([write]), { code: "store.conflict", reason: "already-reported" });
    await rotate(given, "a", "b");
    await rotate(given, "a", "c");
    await given.store.write([write]);
    assertEquals(await given.store.listUnreportedReuse(10), []);
    await assertRejects(given.store.write([write]), { code: "store.conflict", reason: "already-reported" });
  },

  "counts every one of many simultaneous attempts": async ({ store }) => {
    const count = () =>
      store.changeThrottles(["account:a", "place:b"], startMs, ([account, place]) => [next(account), next(place)]);
    await Promise.all(Array.from({ length: 20 }, count));
    // The other way round, too: two orders of the same subjects must not wait for each other.
    await Promise.all(Array.from({ length: 10 }, (_, at) =>
      store.changeThrottles(
        at % 2 === 0 ? ["account:a", "place:b"] : ["place:b", "account:a"],
        startMs,
        ([first, second]) => [next(first), next(second)],
      )));
    assertEquals(await readThrottles(store, ["account:a", "place:b", "place:c"]), [
      { attemptCount: 30, lastAtMs: startMs, blockedUntilMs: startMs + 30 },
      { attemptCount: 30, lastAtMs: startMs, blockedUntilMs: startMs + 30 },
      undefined,
    ]);
  },

  "leaves throttles as they are when told so, and removes them when told so": async ({ store }) => {
    await store.changeThrottles(["a", "b"], startMs, () => [next(undefined), next(undefined)]);
    await store.changeThrottles(["a", "b"], startMs, () => undefined);
    await store.changeThrottles(["a", "b"], startMs, ([a]) => [a, undefined]);
    assertEquals(await readThrottles(store, ["a", "b"]), [next(undefined), undefined]);
  },

  "keeps addresses as they were given, newest first, each customer's own": async ({ store, ids }) => {
    const { customerId } = await addAccount(store, ids, "mina@example.com");
    const other = await addAccount(store, ids, "jun@example.com");
    const plain = addressFor(ids, customerId, { lines: ["Jong-ro 1"] });
    const full = addressFor(ids, customerId, { lines: ['12 "The Mews", rear', "3\\4", "5층"], region: "서울" });
    const foreign = addressFor(ids, other.customerId, { lines: ["Elsewhere 2"] });
    for (const address of [plain, full, foreign]) {
      await store.write([adding(address, address.addressRef, 2)]);
    }
    assertEquals(await store.listAddresses(customerId), [full, plain]);
    const asked = [full.addressRef, ids.next(), plain.addressRef];
    assertEquals(new Set(await store.findAddresses(asked)), new Set([full, plain]));
    assertEquals(await store.findAddresses([]), []);
    assertEquals(await store.listAddresses(ids.next()), []);
  },

  "never stores more addresses than allowed, however many come at once": async ({ store, ids }) => {
    const { customerId } = await addAccount(store, ids, "mina@example.com");
    const results = await Promise.allSettled(
      Array.from(
        { length: 8 },
        (_, at) => store.write([adding(addressFor(ids, customerId, { lines: ["Jong-ro 1"] }), `key-${at}`, 3)]),
      ),
    );
    const reasons = results.filter((result) => result.status === "rejected").map(({ reason }) => reason.reason);
    assertEquals(reasons, new Array(5).fill("too-many-addresses"));
    assertEquals((await store.listAddresses(customerId)).length, 3);
  },

  "adds one address under one key, however many come at once, and finds it by the key": async ({ store, ids }) => {
    const { customerId } = await addAccount(store, ids, "mina@example.com");
    const addresses = Array.from({ length: 8 }, () => addressFor(ids, customerId, { lines: ["Jong-ro 1"] }));
    const results = await Promise.allSettled(addresses.map((address) => store.write([adding(address, "k1", 50)])));
    const reasons = results.filter((result) => result.status === "rejected").map(({ reason }) => reason.reason);
    assertEquals(reasons, new Array(7).fill("key-known"));
    const winner = addresses[results.findIndex(({ status }) => status === "fulfilled")];
    assertEquals(await store.listAddresses(customerId), [winner]);
    assertEquals(await store.findAddressByKey(customerId, "k1"), winner);
  },

  "knows a key again where there is no room for another address, and writes nothing else then": async (given) => {
    const { store, ids } = given;
    const { customerId, passwordHash } = await addAccount(store, ids, "mina@example.com");
    const address = addressFor(ids, customerId, { lines: ["Jong-ro 1"] });
    await store.write([adding(address, "k1", 1)]);
    const repeat = adding(addressFor(ids, customerId, { lines: ["Jong-ro 1"] }), "k1", 1);
    const change = { kind: "replace-password", customerId, passwordHash: "$argon2id$other" } as const;
    await assertRejects(store.write([change, repeat]), { code: "store.conflict", reason: "key-known" });
    assertEquals(await store.listAddresses(customerId), [address]);
    assertEquals((await store.findAccounts([customerId]))[0]?.passwordHash, passwordHash);
  },

  "keeps the keys of customers apart, letter by letter": async ({ store, ids }) => {
    const [mina, jun] = [
      await addAccount(store, ids, "mina@example.com"),
      await addAccount(store, ids, "jun@example.com"),
    ];
    const [first, second, third] = [mina, mina, jun].map(({ customerId }) =>
      addressFor(ids, customerId, { lines: ["Jong-ro 1"] })
    );
    await store.write([adding(first!, "k", 50)]);
    await store.write([adding(second!, "K", 50)]);
    await store.write([adding(third!, "k", 50)]);
    assertEquals(await store.findAddressByKey(mina.customerId, "k"), first);
    assertEquals(await store.findAddressByKey(mina.customerId, "K"), second);
    assertEquals(await store.findAddressByKey(jun.customerId, "k"), third);
    assertEquals(await store.findAddressByKey(jun.customerId, "K"), undefined);
  },
};

function next(throttle: Throttle | undefined): Throttle {
  const attemptCount = (throttle?.attemptCount ?? 0) + 1;
  return { attemptCount, lastAtMs: startMs, blockedUntilMs: startMs + attemptCount };
}

async function readThrottles(
  store: AccountStore,
  subjects: readonly string[],
): Promise<readonly (Throttle | undefined)[]> {
  let read: readonly (Throttle | undefined)[] = [];
  await store.changeThrottles(subjects, startMs, (throttles) => {
    read = throttles;
    return undefined;
  });
  return read;
}

function accountFor(ids: IdSource, emailKey: string): Account {
  return {
    customerId: ids.next(),
    email: emailKey.toUpperCase(),
    emailKey,
    displayName: "Mina 김",
    passwordHash: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA",
    role: "customer",
    registeredAtMs: startMs,
  };
}

async function addAccount(store: AccountStore, ids: IdSource, emailKey: string): Promise<Account> {
  const account = accountFor(ids, emailKey);
  await store.write([{ kind: "add-account", account }]);
  return account;
}

async function startSession(
  { store, ids }: Case,
  emailKey = "mina@example.com",
  tokenHash = "a",
): Promise<{ readonly session: Session }> {
  const { customerId } = await addAccount(store, ids, emailKey);
  const session = { sessionId: ids.next(), customerId, startedAtMs: startMs, expiresAtMs: startMs + 12 * hourMs };
  await store.write([{ kind: "start-session", session, token: tokenOf(session, tokenHash, startMs) }]);
  return { session };
}

function rotate({ store }: Case, used: string, successor: string, nowMs = startMs): Promise<Rotation> {
  return store.rotate(used, nowMs, (session) => tokenOf(session, successor, nowMs));
}

/** A token that works for an hour. */
function tokenOf({ sessionId }: Session, tokenHash: string, issuedAtMs: number): RefreshToken {
  return { tokenHash, sessionId, issuedAtMs, expiresAtMs: issuedAtMs + hourMs };
}

function ownerOf({ customerId }: Session): SessionOwner {
  return { customerId, role: "customer" };
}

function adding(address: AddressVersion, idempotencyKey: string, countMax: number): AccountWrite {
  return { kind: "add-address", address, idempotencyKey, countMax };
}

function addressFor(
  ids: IdSource,
  customerId: string,
  some: { readonly lines: readonly string[]; readonly region?: string },
): AddressVersion {
  return {
    addressRef: ids.next(),
    customerId,
    recipient: "Mina 김",
    postalCode: "03154",
    city: "Seoul",
    countryCode: "KR",
    addedAtMs: startMs,
    ...some,
  };
}
