import { deepStrictEqual as assertEquals, rejects as assertRejects } from "node:assert/strict";
import { ManualClock, UnavailableError } from "@mesh/base";
import { openFixture } from "./accounts_fixture.ts";
import { registrationQuantumMs } from "./registration.ts";

const form = { email: "Mina@Example.com", password: "four words in a row", displayName: "Mina 김" };

Deno.test("register stores the account and tells of its pseudonym alone", async () => {
  const { accounts, store, parts } = await openFixture();
  assertEquals(await accounts.register(form), { outcome: "accepted" });
  const account = await store.findAccountByEmail("mina@example.com");
  const { customerId, email, displayName, role, passwordHash } = account!;
  assertEquals({ email, displayName, role }, { email: form.email, displayName: form.displayName, role: "customer" });
  assertEquals(await parts.hasher.verify(passwordHash, form.password), true);
  assertEquals(store.events.map(({ type, data, cause }) => ({ type, data, cause })), [{
    type: "users.customer-registered",
    data: { customerId, role: "customer" },
    cause: { subject: customerId, via: "users" },
  }]);
});

Deno.test("register answers alike when the address is taken, changes nothing, and tells the owner's pseudonym", async () => {
  const { accounts, store } = await openFixture();
  const first = await accounts.register(form);
  const before = await store.findAccountByEmail("mina@example.com");
  const second = await accounts.register({ ...form, email: "MINA@example.COM", password: "another password" });
  assertEquals(second, first);
  assertEquals(await store.findAccountByEmail("mina@example.com"), before);
  const { type, data, cause } = store.events.at(-1)!;
  assertEquals({ type, data, cause }, {
    type: "users.registration-repeated",
    data: { customerId: before?.customerId },
    cause: undefined,
  });
});

Deno.test("register tells of a taken address three times a day at most, and answers alike ever after", async () => {
  const { accounts, store, clock } = await openFixture();
  const repeat = async (count: number) => {
    for (let at = 0; at < count; at += 1) assertEquals(await accounts.register(form), { outcome: "accepted" });
  };
  await repeat(1 + 10);
  assertEquals(store.events.length, 1 + 3);
  await clock.advance(86_400_001);
  await repeat(1);
  assertEquals(store.events.length, 1 + 4);
});

Deno.test("register hashes once whether the address is taken or not", async () => {
  const { parts } = await openFixture();
  let hashCount = 0;
  const hasher = {
    ...parts.hasher,
    hash: (password: string) => {
      hashCount += 1;
      return parts.hasher.hash(password);
    },
  };
  const { accounts } = await openFixture({ hasher });
  const counts: number[] = [];
  for (let at = 0; at < 3; at += 1) {
    await accounts.register(form);
    counts.push(hashCount);
  }
  assertEquals(counts, [1, 2, 3]);
});

Deno.test("register answers on the beat, whatever it took and however it ended", async () => {
  for (const ending of ["accepted", "unavailable"]) {
    const clock = new ManualClock();
    const { parts } = await openFixture();
    const hasher = {
      ...parts.hasher,
      hash: async () => {
        await clock.advance(registrationQuantumMs + 37);
        if (ending === "unavailable") throw new UnavailableError("Cannot hash: busy");
        return parts.decoyHash;
      },
    };
    const { accounts } = await openFixture({ clock, hasher });
    let isAnswered = false;
    const answer = accounts.register(form).catch(({ code }) => code).finally(() => isAnswered = true);
    await clock.advance(registrationQuantumMs - 38);
    assertEquals([isAnswered, clock.monotonicMs()], [false, 2 * registrationQuantumMs - 1]);
    await clock.advance(1);
    assertEquals(isAnswered, true);
    assertEquals(await answer, ending === "accepted" ? { outcome: "accepted" } : "dependency.unavailable");
  }
});

Deno.test("register takes the way of a taken address when somebody else was faster by a moment", async () => {
  const { accounts, store } = await openFixture();
  const answers = await Promise.all([accounts.register(form), accounts.register(form)]);
  assertEquals(answers, [{ outcome: "accepted" }, { outcome: "accepted" }]);
  assertEquals(store.events.map(({ type }) => type), ["users.customer-registered", "users.registration-repeated"]);
});

Deno.test("register refuses a weak password before it looks at anything else", async () => {
  const { accounts, store } = await openFixture();
  const answer = await accounts.register({ ...form, password: "password1234" });
  assertEquals(answer, { outcome: "password-refused", fault: "too-common" });
  assertEquals([await store.findAccountByEmail("mina@example.com"), store.events], [undefined, []]);
});

Deno.test("register stores neither account nor event when the turn fails", async () => {
  const { store, parts } = await openFixture();
  const turns = { run: () => Promise.reject(new UnavailableError("Cannot commit: away")) };
  const { accounts } = await openFixture({ ...parts, store, turns });
  await assertRejects(accounts.register(form), { code: "dependency.unavailable" });
  assertEquals([await store.findAccountByEmail("mina@example.com"), store.events], [undefined, []]);
});
