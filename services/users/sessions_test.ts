import { deepStrictEqual as assertEquals, match, rejects as assertRejects } from "node:assert/strict";
import { UnavailableError } from "@mesh/base";
import { decodeJwt } from "jose";
import { type AccountsFixture, cheapCosts, openFixture } from "./accounts_fixture.ts";
import { passwordHasher } from "./passwords.ts";
import type { TokenPair } from "./sessions.ts";
import { hashRefreshToken } from "./tokens.ts";

const form = { email: "mina@example.com", password: "four words in a row", displayName: "Mina" };
const credentials = { email: form.email, password: form.password, clientIp: "192.0.2.1" };
const hourMs = 3_600_000;

Deno.test("logIn gives tokens for the right password and records the session in the same turn", async () => {
  const { accounts, store } = await openRegistered();
  const tokens = await logInOrFail({ accounts });
  const { customerId } = (await store.findAccountByEmail(form.email))!;
  assertEquals([tokens.expiresInSeconds, tokens.tokenType], [600, "Bearer"]);
  assertEquals(decodeJwt(tokens.accessToken).sub, customerId);
  match(tokens.refreshToken, /^[A-Za-z0-9_-]{43}$/);
  assertEquals(store.tokenHashes, [hashRefreshToken(tokens.refreshToken)]);
  const session = await store.findLiveSession(hashRefreshToken(tokens.refreshToken), 0);
  const { type, data, cause } = store.events.at(-1)!;
  assertEquals({ type, data, cause }, {
    type: "users.session-started",
    data: { customerId, sessionId: session?.sessionId },
    cause: { subject: customerId, via: "users" },
  });
});

Deno.test("logIn takes any spelling of address and password that means the same", async () => {
  const { accounts } = await openFixture();
  await accounts.register({ ...form, password: "caf\u00e9 caf\u00e9 caf\u00e9" });
  const spelt = { ...credentials, email: " MINA@example.com ", password: "cafe\u0301 cafe\u0301 cafe\u0301" };
  assertEquals((await accounts.logIn(spelt)).outcome, "started");
});

Deno.test("logIn refuses a wrong password and an unknown address alike, after the same work", async () => {
  const { parts } = await openFixture();
  let verifyCount = 0;
  const hasher = {
    ...parts.hasher,
    verify: (phc: string, password: string) => {
      verifyCount += 1;
      return parts.hasher.verify(phc, password);
    },
  };
  const { accounts, store } = await openFixture({ hasher, decoyHash: parts.decoyHash });
  await accounts.register(form);
  const wrong = await accounts.logIn({ ...credentials, password: "five words in a row" });
  const unknown = await accounts.logIn({ ...credentials, email: "nobody@example.com" });
  assertEquals([wrong, unknown, verifyCount], [{ outcome: "refused" }, { outcome: "refused" }, 2]);
  assertEquals(store.events.length, 1);
});

Deno.test("logIn slows guessing down alike for addresses with and without an account", async () => {
  const { accounts, clock } = await openRegistered();
  const guess = (email: string) => accounts.logIn({ ...credentials, email, password: "wrong wrong wrong" });
  for (const email of [form.email, "nobody@example.com"]) {
    for (let count = 1; count <= 5; count += 1) assertEquals(await guess(email), { outcome: "refused" });
    assertEquals(await guess(email), { outcome: "throttled", retryAfterSeconds: 1 });
  }
  // Not even the right password is looked at meanwhile, else the wait would be no obstacle.
  assertEquals(await accounts.logIn(credentials), { outcome: "throttled", retryAfterSeconds: 1 });
  await clock.advance(1_000);
  assertEquals((await accounts.logIn(credentials)).outcome, "started");
});

Deno.test("logIn counts guesses that come all at once", async () => {
  const { accounts } = await openRegistered();
  const wrong = { ...credentials, password: "wrong wrong wrong" };
  const answers = await Promise.all(Array.from({ length: 20 }, () => accounts.logIn(wrong)));
  const outcomes = answers.map(({ outcome }) => outcome);
  assertEquals(outcomes.filter((outcome) => outcome === "refused").length, 5);
  assertEquals(outcomes.filter((outcome) => outcome === "throttled").length, 15);
});

Deno.test("logIn forgets wrong guesses at an account after the right password", async () => {
  const { accounts } = await openRegistered();
  for (let round = 0; round < 3; round += 1) {
    for (let count = 0; count < 4; count += 1) {
      assertEquals((await accounts.logIn({ ...credentials, password: "wrong wrong" })).outcome, "refused");
    }
    assertEquals((await accounts.logIn(credentials)).outcome, "started");
  }
});

Deno.test("logIn slows down one place that guesses at many accounts, and no other place", async () => {
  const { accounts } = await openRegistered();
  for (let count = 1; count <= 50; count += 1) {
    // Right passwords in between take back no guess at somebody else's account.
    const email = `user${count}@example.com`;
    assertEquals(await accounts.logIn({ ...credentials, email, password: "Summer2026!!" }), { outcome: "refused" });
    if (count % 10 === 0 && count < 50) assertEquals((await accounts.logIn(credentials)).outcome, "started");
  }
  assertEquals((await accounts.logIn(credentials)).outcome, "throttled");
  assertEquals((await accounts.logIn({ ...credentials, clientIp: "192.0.2.2" })).outcome, "started");
});

Deno.test("logIn does not count a guess that it could not judge", async () => {
  const { accounts, parts } = await openRegistered();
  const busy = () => Promise.reject(new UnavailableError("Cannot hash: busy", { reason: "password-queue-full" }));
  const { accounts: busyAccounts } = await openFixture({ ...parts, hasher: { ...parts.hasher, verify: busy } });
  for (let count = 0; count < 4; count += 1) {
    await assertRejects(busyAccounts.logIn(credentials), { reason: "password-queue-full" });
  }
  for (let count = 0; count < 4; count += 1) {
    assertEquals(await accounts.logIn({ ...credentials, password: "wrong wrong" }), { outcome: "refused" });
  }
  assertEquals((await accounts.logIn(credentials)).outcome, "started");
});

Deno.test("logIn replaces a hash of earlier costs", async () => {
  const { accounts, parts, store } = await openRegistered();
  const hasher = passwordHasher({ randomBytes: parts.randomBytes, costs: { ...cheapCosts, passes: 2 } });
  const { accounts: today } = await openFixture({ ...parts, hasher });
  assertEquals((await today.logIn(credentials)).outcome, "started");
  assertEquals(hasher.isOutdated((await store.findAccountByEmail(form.email))!.passwordHash), false);
  assertEquals((await accounts.logIn(credentials)).outcome, "started");
});

Deno.test("refresh gives new tokens each time and leaves no old one working", async () => {
  const { accounts, clock } = await openRegistered();
  const first = await logInOrFail({ accounts });
  await clock.advance(hourMs);
  const second = await accounts.refresh(first.refreshToken);
  if (second.outcome !== "refreshed") throw new Error("refused");
  assertEquals(second.tokens.refreshToken === first.refreshToken, false);
  const [before, after] = [decodeJwt(first.accessToken), decodeJwt(second.tokens.accessToken)];
  assertEquals([after.sub, after.iat, after.jti === before.jti], [before.sub, before.iat! + 3_600, false]);
});

Deno.test("refresh ends the whole session when a used token comes again, and says so once", async () => {
  const { accounts, store } = await openRegistered();
  const stolen = await logInOrFail({ accounts });
  const thief = await accounts.refresh(stolen.refreshToken);
  if (thief.outcome !== "refreshed") throw new Error("refused");
  assertEquals(await accounts.refresh(stolen.refreshToken), { outcome: "refused" });
  assertEquals(await accounts.refresh(thief.tokens.refreshToken), { outcome: "refused" });
  assertEquals(await accounts.refresh(stolen.refreshToken), { outcome: "refused" });
  const findings = store.events.filter(({ type }) => type === "users.refresh-reuse-detected");
  const { customerId } = (await store.findAccountByEmail(form.email))!;
  assertEquals(findings.map(({ data, cause }) => [data.customerId, cause]), [[customerId, undefined]]);
});

Deno.test("refresh leaves the customer's other sessions alone when one is ended for reuse", async () => {
  const { accounts } = await openRegistered();
  const [one, other] = [await logInOrFail({ accounts }), await logInOrFail({ accounts })];
  await accounts.refresh(one.refreshToken);
  await accounts.refresh(one.refreshToken);
  assertEquals((await accounts.refresh(other.refreshToken)).outcome, "refreshed");
});

Deno.test("refresh ends a session at once even if the event about it must wait", async () => {
  const { accounts, parts, store } = await openRegistered();
  const { refreshToken } = await logInOrFail({ accounts });
  const turns = { run: () => Promise.reject(new UnavailableError("Cannot commit: away")) };
  const { accounts: failing } = await openFixture({ ...parts, turns });
  const successor = await failing.refresh(refreshToken);
  if (successor.outcome !== "refreshed") throw new Error("refused");
  await assertRejects(failing.refresh(refreshToken), { code: "dependency.unavailable" });
  assertEquals(await accounts.refresh(successor.tokens.refreshToken), { outcome: "refused" });
  assertEquals(store.events.at(-1)?.type, "users.session-started");

  await accounts.reportReuse();
  await accounts.reportReuse();
  assertEquals(store.events.slice(-2).map(({ type }) => type), [
    "users.session-started",
    "users.refresh-reuse-detected",
  ]);
});

Deno.test("refresh refuses what is no token of ours", async () => {
  const { accounts } = await openRegistered();
  for (const token of ["x", "0".repeat(43), "' or true --", "\u0000"]) {
    assertEquals(await accounts.refresh(token), { outcome: "refused" });
  }
});

Deno.test("refresh ends with the session: after a week without one, and after thirty days in any case", async () => {
  const { accounts, clock } = await openRegistered();
  const idle = await logInOrFail({ accounts });
  let { refreshToken } = await logInOrFail({ accounts });
  let dayCount = 0;
  for (;; dayCount += 6) {
    const refreshed = await accounts.refresh(refreshToken);
    if (refreshed.outcome === "refused") break;
    refreshToken = refreshed.tokens.refreshToken;
    await clock.advance(6 * 24 * hourMs);
    if (dayCount === 6) assertEquals(await accounts.refresh(idle.refreshToken), { outcome: "refused" });
  }
  assertEquals(dayCount, 30);
});

Deno.test("logOut ends the session with any of its tokens, and says nothing about tokens it does not know", async () => {
  const { accounts, store } = await openRegistered();
  const { refreshToken } = await logInOrFail({ accounts });
  const successor = await accounts.refresh(refreshToken);
  if (successor.outcome !== "refreshed") throw new Error("refused");
  await accounts.logOut("unknown");
  await accounts.logOut(refreshToken);
  await accounts.logOut(refreshToken);
  assertEquals(await accounts.refresh(successor.tokens.refreshToken), { outcome: "refused" });
  assertEquals(store.events.slice(-2).map(({ type }) => type), ["users.session-started", "users.session-ended"]);
});

Deno.test("logOut twice at the same moment ends the session once", async () => {
  const { accounts, store } = await openRegistered();
  const { refreshToken } = await logInOrFail({ accounts });
  await Promise.all([accounts.logOut(refreshToken), accounts.logOut(refreshToken)]);
  assertEquals(store.events.filter(({ type }) => type === "users.session-ended").length, 1);
});

Deno.test("no event, whatever happened, holds anything personal or secret", async () => {
  const { accounts, store } = await openRegistered();
  const { refreshToken, accessToken } = await logInOrFail({ accounts });
  await accounts.register(form);
  await accounts.refresh(refreshToken);
  await accounts.refresh(refreshToken);
  const text = JSON.stringify(store.events).toLowerCase();
  const secrets = ["mina", "example.com", form.password, refreshToken, accessToken, "192.0.2.1", "argon2"];
  assertEquals(secrets.filter((secret) => text.includes(secret.toLowerCase())), []);
});

async function openRegistered(): Promise<AccountsFixture> {
  const fixture = await openFixture();
  await fixture.accounts.register(form);
  return fixture;
}

async function logInOrFail({ accounts }: Pick<AccountsFixture, "accounts">): Promise<TokenPair> {
  const login = await accounts.logIn(credentials);
  if (login.outcome !== "started") throw new Error(`Cannot log in: ${login.outcome}`);
  return login.tokens;
}
