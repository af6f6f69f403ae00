import { ManualClock, sequentialIds } from "@mesh/base";
import { type Accounts, openAccounts } from "./accounts.ts";
import { MemoryAccountStore } from "./adapters/memory_account_store.ts";
import type { AccountParts } from "./parts.ts";
import { passwordHasher } from "./passwords.ts";
import { makeTokenKeyFile, readTokenKeys, type TokenKeys } from "./token_keys.ts";
import { accessTokenIssuer, type TokenSettings } from "./tokens.ts";

/** Everything of the service without servers: for tests. */
export interface AccountsFixture {
  readonly accounts: Accounts;
  readonly parts: AccountParts;
  readonly store: MemoryAccountStore;
  readonly clock: ManualClock;
  readonly tokenKeys: TokenKeys;
}

/** What tokens of the fixture say. */
export const fixtureTokens: TokenSettings = {
  issuer: "https://shop.example",
  audience: "shop",
  clientId: "storefront",
};

/** Costs that a test can afford; the real ones take 40 ms each. */
export const cheapCosts = { memoryKib: 64, passes: 1, lanes: 1 };

/**
 * Opens the service on memory, a clock that stands still, and hashes that cost nothing.
 *
 * @param replaced Parts to put in the place of the fixture's own.
 */
export async function openFixture(replaced: Partial<AccountParts> = {}): Promise<AccountsFixture> {
  const [store, clock, ids] = [new MemoryAccountStore(), new ManualClock(), sequentialIds()];
  const randomBytes = (count: number) => crypto.getRandomValues(new Uint8Array(count));
  const hasher = passwordHasher({ randomBytes, costs: cheapCosts });
  const tokenKeys = await readTokenKeys(await makeTokenKeyFile());
  const parts: AccountParts = {
    store,
    turns: store,
    hasher,
    decoyHash: await hasher.hash("nobody's password"),
    accessTokens: accessTokenIssuer({ ...fixtureTokens, keys: tokenKeys, clock, ids }),
    clock,
    ids,
    randomBytes,
    ...replaced,
  };
  return { accounts: openAccounts(parts), parts, store, clock, tokenKeys };
}
