import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { addressesMax } from "./accounts.ts";
import { type AccountsFixture, openFixture } from "./accounts_fixture.ts";

const home = { recipient: "Mina", lines: ["Jong-ro 1"], postalCode: "03154", city: "Seoul", countryCode: "KR" };
const nobody = "0198d6f0-0000-7000-8000-00000000ffff";

Deno.test("addAddress stores a version that never changes and tells of its reference alone", async () => {
  const { accounts, store, customerId } = await openRegistered();
  const first = await accounts.addAddress(customerId, home, "k1");
  const second = await accounts.addAddress(customerId, { ...home, lines: ["Jong-ro 2"] }, "k2");
  if (first.outcome !== "added" || second.outcome !== "added") throw new Error("refused");
  assertEquals((await accounts.findAddresses([first.addressRef]))[0]?.lines, ["Jong-ro 1"]);
  assertEquals((await accounts.findAddresses([second.addressRef]))[0]?.lines, ["Jong-ro 2"]);
  assertEquals(store.events.slice(-2).map(({ type, data }) => ({ type, data })), [
    { type: "users.address-added", data: { customerId, addressRef: first.addressRef } },
    { type: "users.address-added", data: { customerId, addressRef: second.addressRef } },
  ]);
});

Deno.test("addAddress refuses an unknown customer, and more addresses than anybody needs", async () => {
  const { accounts, store, customerId } = await openRegistered();
  assertEquals(await accounts.addAddress(nobody, home, "k1"), { outcome: "no-such-customer" });
  for (let count = 0; count < addressesMax; count += 1) await accounts.addAddress(customerId, home, `k${count}`);
  const eventCount = store.events.length;
  assertEquals(await accounts.addAddress(customerId, home, "one more"), { outcome: "too-many-addresses" });
  assertEquals(store.events.length, eventCount);
});

Deno.test("addAddress gives repeats the first reference, at the same moment or later, and tells of it once", async () => {
  const { accounts, store, customerId } = await openRegistered();
  const atOnce = await Promise.all(Array.from({ length: 3 }, () => accounts.addAddress(customerId, home, "k1")));
  const later = await accounts.addAddress(customerId, { ...home }, "k1");
  const addressRef = (await accounts.findAddressesOf(customerId))![0]?.addressRef;
  assertEquals([...atOnce, later], new Array(4).fill({ outcome: "added", addressRef }));
  assertEquals(store.events.filter(({ type }) => type === "users.address-added").length, 1);
});

Deno.test("addAddress refuses a key that has named another address", async () => {
  const { accounts, customerId } = await openRegistered();
  await accounts.addAddress(customerId, home, "k1");
  const others = [{ ...home, lines: ["Jong-ro 1", ""] }, { ...home, region: "Seoul" }, { ...home, recipient: "Jun" }];
  for (const other of others) {
    assertEquals(await accounts.addAddress(customerId, other, "k1"), { outcome: "key-reused" });
  }
  assertEquals((await accounts.findAddressesOf(customerId))?.length, 1);
});

Deno.test("findAddressesOf tells a customer without addresses from no customer", async () => {
  const { accounts, customerId } = await openRegistered();
  assertEquals(await accounts.findAddressesOf(customerId), []);
  assertEquals(await accounts.findAddressesOf(nobody), undefined);
});

async function openRegistered(): Promise<AccountsFixture & { readonly customerId: string }> {
  const fixture = await openFixture();
  await fixture.accounts.register({ email: "a@example.com", password: "four words in a row", displayName: "A" });
  const { customerId } = (await fixture.store.findAccountByEmail("a@example.com"))!;
  return { ...fixture, customerId };
}
