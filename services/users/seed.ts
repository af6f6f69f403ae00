import { z } from "zod";
import { ConfigError, invariant } from "@mesh/base";
import type { Account } from "./account_store.ts";
import { ChangeRole, roles } from "./contract.ts";
import { emailKeyOf } from "./email.ts";
import type { AccountParts } from "./parts.ts";
import { normalisePassword } from "./password_rules.ts";
import { addAccount, makeAccount } from "./registration.ts";
import { DisplayName, Email, NewPassword } from "./requests.ts";

/** One account that is to exist. There are no defaults: who seeds gives every password. */
export type SeedAccount = z.output<typeof SeedEntry>;

/**
 * Reads a seed file: a JSON list of `{email, password, displayName, role}`.
 *
 * @param text Content of the file.
 * @throws {ConfigError} If it is anything else; the text names places, never values.
 */
export function readSeedFile(text: string): readonly SeedAccount[] {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw new ConfigError("Cannot read seed accounts: the file is no JSON");
  }
  const parsed = SeedFile.safeParse(content);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join(".") || "file"}: ${message}`);
  throw new ConfigError(`Cannot read seed accounts: ${faults.join("; ")}`);
}

/**
 * Brings the accounts about: adds those that are missing, and gives those that exist the role and password of the file.
 * May run any number of times, also in several processes at once.
 *
 * @throws {UnavailableError} If the database is away.
 */
export async function seedAccounts(parts: AccountParts, seeds: readonly SeedAccount[]): Promise<void> {
  for (const seed of seeds) {
    const { store, hasher } = parts;
    const password = normalisePassword(seed.password);
    const emailKey = emailKeyOf(seed.email);
    const known = await store.findAccountByEmail(emailKey);
    if (known === undefined) {
      const account = makeAccount(parts, { ...seed, passwordHash: await hasher.hash(password) });
      if (await addAccount(parts, account)) continue;
    }
    const account = known ?? await store.findAccountByEmail(emailKey);
    invariant(account !== undefined, "Cannot seed account: its address is taken and free at once");
    await correct(parts, account, { role: seed.role, password });
  }
}

async function correct(
  { store, turns, hasher, clock }: AccountParts,
  { customerId, role, passwordHash }: Account,
  wanted: { readonly role: Account["role"]; readonly password: string },
): Promise<void> {
  if (!await hasher.verify(passwordHash, wanted.password)) {
    // Whoever knew the old password must not stay.
    await store.write([
      { kind: "replace-password", customerId, passwordHash: await hasher.hash(wanted.password) },
      { kind: "end-all-sessions", customerId, atMs: clock.nowMs() },
    ]);
  }
  if (role !== wanted.role) {
    const write = { kind: "change-role", customerId, role: wanted.role } as const;
    await turns.run(ChangeRole({ customerId, role: wanted.role }), [write]);
  }
}

const SeedEntry = z.strictObject({
  email: Email,
  password: NewPassword,
  displayName: DisplayName,
  role: z.enum(roles),
});
const SeedFile = z.array(SeedEntry).max(100);
