import { deepStrictEqual as assertEquals, throws as assertThrows } from "node:assert/strict";
import { openFixture } from "./accounts_fixture.ts";
import { readSeedFile, type SeedAccount, seedAccounts } from "./seed.ts";

const operator: SeedAccount = {
  email: "operator@example.com",
  password: "the operator's password",
  displayName: "Operator",
  role: "operator",
};
const customer: SeedAccount = { ...operator, email: "customer@example.com", role: "customer" };
const credentials = { email: operator.email, password: operator.password, clientIp: "192.0.2.1" };

Deno.test("seedAccounts adds what is missing and does nothing the second time", async () => {
  const { parts, store, accounts } = await openFixture();
  await seedAccounts(parts, [operator, customer]);
  const after = [await store.findAccountByEmail(operator.email), store.events.length];
  await seedAccounts(parts, [operator, customer]);
  assertEquals([await store.findAccountByEmail(operator.email), store.events.length], after);
  assertEquals(store.events.map(({ type, data }) => [type, data.role]), [
    ["users.customer-registered", "operator"],
    ["users.customer-registered", "customer"],
  ]);
  assertEquals((await accounts.logIn(credentials)).outcome, "started");
});

Deno.test("seedAccounts takes an account over that somebody registered before: role, password, and no session left", async () => {
  const { parts, store, accounts } = await openFixture();
  await accounts.register({ ...operator, password: "a squatter's password" });
  const squatter = await accounts.logIn({ ...credentials, password: "a squatter's password" });
  if (squatter.outcome !== "started") throw new Error("refused");
  await seedAccounts(parts, [operator]);
  assertEquals(await accounts.refresh(squatter.tokens.refreshToken), { outcome: "refused" });
  assertEquals((await accounts.logIn({ ...credentials, password: "a squatter's password" })).outcome, "refused");
  assertEquals((await accounts.logIn(credentials)).outcome, "started");
  const roleChange = store.events.find(({ type }) => type === "users.role-changed");
  assertEquals(roleChange?.data.role, "operator");
});

Deno.test("seedAccounts in two processes at once ends like in one", async () => {
  const { parts, store, accounts } = await openFixture();
  await Promise.all([seedAccounts(parts, [operator]), seedAccounts(parts, [operator])]);
  assertEquals(store.events.map(({ type }) => type), ["users.customer-registered"]);
  assertEquals((await accounts.logIn(credentials)).outcome, "started");
});

Deno.test("readSeedFile names every fault and repeats no password", () => {
  assertEquals(readSeedFile(JSON.stringify([operator])), [operator]);
  const secret = "the operator's password";
  const files = [
    "[",
    JSON.stringify({ operator }),
    JSON.stringify([{ ...operator, email: secret, role: "king" }]),
    JSON.stringify([{ ...operator, isAdmin: true }]),
    JSON.stringify([{ email: operator.email, displayName: "Operator", role: "operator" }]),
  ];
  for (const text of files) {
    assertThrows(() => readSeedFile(text), (error: Error & { code?: string }) => {
      assertEquals([error.code, error.message.includes(secret)], ["config.invalid", false]);
      return true;
    });
  }
});
