import { ConflictError, invariant } from "@mesh/base";
import type { Account, RefreshToken, Session } from "./account_store.ts";
import { EndSession, ReportRefreshReuse, StartSession } from "./contract.ts";
import { emailKeyOf } from "./email.ts";
import { accountPolicy, type Attempt, giveBackAttempt, placePolicy, takeAttempt } from "./login_throttle.ts";
import type { AccountParts } from "./parts.ts";
import { normalisePassword } from "./password_rules.ts";
import { accountSubject, placeSubject } from "./throttle_subject.ts";
import { accessTokenLifeSeconds, drawRefreshToken, hashRefreshToken, sessionLifeOf } from "./tokens.ts";

/** What somebody who logs in says, and where from. */
export interface LoginForm {
  readonly email: string;
  readonly password: string;
  /** As the gateway saw it. */
  readonly clientIp: string;
}

/** What a client gets for a login or a refresh (RFC 6749 5.1, in our spelling). */
export interface TokenPair {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** Of the access token. */
  readonly expiresInSeconds: number;
  readonly tokenType: "Bearer";
}

/** What came of a login. */
export type Login =
  | { readonly outcome: "started"; readonly tokens: TokenPair }
  /** Unknown address or wrong password: the same answer in the same time. */
  | { readonly outcome: "refused" }
  | { readonly outcome: "throttled"; readonly retryAfterSeconds: number };

/** What came of a refresh. */
export type Refresh = { readonly outcome: "refreshed"; readonly tokens: TokenPair } | { readonly outcome: "refused" };

/**
 * Logs somebody in.
 *
 * The attempt is counted before the password is looked at, by address and by place, whether there is such an account or
 * not; a right password takes it back.
 *
 * @throws {UnavailableError} If the database is away or too many passwords wait to be hashed.
 */
export async function logIn(parts: AccountParts, form: LoginForm): Promise<Login> {
  const { store, hasher, decoyHash } = parts;
  const emailKey = emailKeyOf(form.email);
  const subjects: Subjects = [accountSubject(emailKey), placeSubject(form.clientIp)];
  const attempt = await countAttempt(parts, subjects);
  if (!attempt.isAllowed) return { outcome: "throttled", retryAfterSeconds: attempt.retryAfterSeconds };
  const password = normalisePassword(form.password);
  let account: Account | undefined;
  let isRight: boolean;
  try {
    account = await store.findAccountByEmail(emailKey);
    isRight = await hasher.verify(account?.passwordHash ?? decoyHash, password);
  } catch (error) {
    // The guess was never judged. If the database is away for this as well, the first error is the one to report.
    await settleAttempt(parts, subjects, "not-made").catch(() => {});
    throw error;
  }
  if (account === undefined || !isRight) return { outcome: "refused" };
  const tokens = await startSession(parts, account, password);
  await settleAttempt(parts, subjects, "right");
  return { outcome: "started", tokens };
}

/**
 * Exchanges a refresh token for new tokens, once. A second use ends the whole session, because one of the two users is a
 * thief and nobody can tell which.
 *
 * A client whose answer was lost on the way is such a second user: it logs in again.
 *
 * @throws {UnavailableError} If the database is away.
 */
export async function refresh(parts: AccountParts, refreshToken: string): Promise<Refresh> {
  const { store, clock, accessTokens, randomBytes } = parts;
  const nowMs = clock.nowMs();
  const successor = drawRefreshToken(randomBytes);
  const rotation = await store.rotate(
    hashRefreshToken(refreshToken),
    nowMs,
    (session, { role }) => refreshTokenRow(successor, session, { nowMs, idleMs: sessionLifeOf(role).idleMs }),
  );
  if (rotation.outcome === "reused") await reportReuse(parts);
  if (rotation.outcome !== "rotated") return { outcome: "refused" };
  const { customerId, role } = rotation.owner;
  const accessToken = await accessTokens.issue(customerId, role);
  return { outcome: "refreshed", tokens: tokenPair(accessToken, successor) };
}

/**
 * Ends the session that a refresh token belongs to; says nothing about whether there was one. Access tokens of the
 * session end by themselves, within 10 minutes.
 *
 * @throws {UnavailableError} If the database is away.
 */
export async function logOut({ store, clock, turns }: AccountParts, refreshToken: string): Promise<void> {
  const nowMs = clock.nowMs();
  const session = await store.findLiveSession(hashRefreshToken(refreshToken), nowMs);
  if (session === undefined) return;
  const { customerId, sessionId } = session;
  const cause = { subject: customerId, via: "users" };
  await turns.run(EndSession({ customerId, sessionId }), [{ kind: "end-session", sessionId, atMs: nowMs }], cause)
    .catch(unless("session-over"));
}

/**
 * Records an event for every session that was ended by reuse and of which none tells yet.
 *
 * Ending comes first and alone, so that it never waits for the event; a process that dies in between leaves the event to
 * the next reuse or the next start.
 *
 * @throws {UnavailableError} If the database is away.
 */
export async function reportReuse({ store, clock, turns }: AccountParts): Promise<void> {
  for (const { customerId, sessionId } of await store.listUnreportedReuse(100)) {
    const write = { kind: "note-reuse-reported", sessionId, atMs: clock.nowMs() } as const;
    await turns.run(ReportRefreshReuse({ customerId, sessionId }), [write]).catch(unless("already-reported"));
  }
}

async function startSession(parts: AccountParts, account: Account, password: string): Promise<TokenPair> {
  const { turns, hasher, clock, ids, randomBytes, accessTokens } = parts;
  const { customerId, role } = account;
  const nowMs = clock.nowMs();
  const { idleMs, wholeMs } = sessionLifeOf(role);
  const session = { sessionId: ids.next(), customerId, startedAtMs: nowMs, expiresAtMs: nowMs + wholeMs };
  const refreshToken = drawRefreshToken(randomBytes);
  const token = refreshTokenRow(refreshToken, session, { nowMs, idleMs });
  // The password is known at this moment only, so this is when an old hash can be replaced.
  const better = hasher.isOutdated(account.passwordHash)
    ? [{ kind: "replace-password", customerId, passwordHash: await hasher.hash(password) } as const]
    : [];
  const accessToken = await accessTokens.issue(customerId, role);
  const cause = { subject: customerId, via: "users" };
  await turns.run(
    StartSession({ customerId, sessionId: session.sessionId }),
    [...better, { kind: "start-session", session, token }],
    cause,
  );
  return tokenPair(accessToken, refreshToken);
}

type Subjects = readonly [account: string, place: string];

async function countAttempt({ store, clock }: AccountParts, subjects: Subjects): Promise<Attempt> {
  const nowMs = clock.nowMs();
  let attempt: Attempt | undefined;
  await store.changeThrottles(subjects, nowMs, ([account, place]) => {
    const asked = [{ throttle: account, policy: accountPolicy }, { throttle: place, policy: placePolicy }];
    attempt = takeAttempt(asked, nowMs);
    return attempt.isAllowed ? attempt.throttles : undefined;
  });
  invariant(attempt !== undefined, "Cannot count attempt: the store did not ask for the change");
  return attempt;
}

async function settleAttempt(
  { store, clock }: AccountParts,
  subjects: Subjects,
  ending: "right" | "not-made",
): Promise<void> {
  await store.changeThrottles(subjects, clock.nowMs(), ([account, place]) => [
    ending === "right" || account === undefined ? undefined : giveBackAttempt(account),
    place === undefined ? undefined : giveBackAttempt(place),
  ]);
}

function refreshTokenRow(
  token: string,
  { sessionId, expiresAtMs }: Session,
  { nowMs, idleMs }: { readonly nowMs: number; readonly idleMs: number },
): RefreshToken {
  return {
    tokenHash: hashRefreshToken(token),
    sessionId,
    issuedAtMs: nowMs,
    expiresAtMs: Math.min(nowMs + idleMs, expiresAtMs),
  };
}

function tokenPair(accessToken: string, refreshToken: string): TokenPair {
  return { accessToken, refreshToken, expiresInSeconds: accessTokenLifeSeconds, tokenType: "Bearer" };
}

/** Somebody else was faster, which is as good. */
function unless(reason: string): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof ConflictError && error.reason === reason)) throw error;
  };
}
