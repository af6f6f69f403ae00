import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { brokerPasswords } from "./broker_passwords.ts";

Deno.test("passwords of broker users are files named after their secrets, or stand in folders of that name", async () => {
  const folder = await Deno.makeTempDir({ prefix: "passwords_" });
  await Deno.writeTextFile(`${folder}/orders-broker`, "flat\n");
  await Deno.mkdir(`${folder}/audit-broker`);
  await Deno.writeTextFile(`${folder}/audit-broker/password`, "mounted");
  await Deno.writeTextFile(`${folder}/users-broker`, "");
  const passwordOf = brokerPasswords(folder);

  assertEquals(await Promise.all(["orders", "audit", "users", "gateway"].map(passwordOf)), [
    "flat",
    "mounted",
    undefined,
    undefined,
  ]);
  assertEquals(await brokerPasswords(undefined)("orders"), undefined);
  await Deno.remove(folder, { recursive: true });
});
