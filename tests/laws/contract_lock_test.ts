import { deepStrictEqual as assertEquals, ok } from "node:assert/strict";
import { compareLock, lockOf, renderLock } from "@mesh/contract";
import { lockedPackages, readLock } from "./locked_packages.ts";

const packages = await lockedPackages();

for (const locked of packages) {
  Deno.test(`${locked.name} says what it has published, and its lock file knows all of it (else: deno task lock)`, () => {
    assertEquals(compareLock(readLock(locked), lockOf(locked.contracts)), []);
  });

  Deno.test(`the lock file of ${locked.name} is as it was written`, () => {
    assertEquals(Deno.readTextFileSync(locked.file), renderLock(readLock(locked)));
  });
}

Deno.test("every contract module lists every contract that it exports", async () => {
  for (const { name, contracts, file } of packages.filter(({ name }) => name !== "mesh")) {
    const module = await import(new URL("contract.ts", file).href) as Readonly<Record<string, unknown>>;
    const exported = Object.values(module).filter((value) => typeof value === "function" && "keyOf" in value);
    assertEquals(new Set(contracts), new Set(exported), `contracts of "${name}"`);
  }
});

Deno.test("there are contracts to compare", () => {
  ok(packages.length > 1 && packages.every(({ contracts }) => contracts.length > 0));
});
