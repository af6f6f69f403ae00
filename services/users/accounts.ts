import { ConflictError } from "@mesh/base";
import type { Account, AddressVersion, PostalAddress } from "./account_store.ts";
import { AddAddress } from "./contract.ts";
import type { AccountParts } from "./parts.ts";
import { register, type Registration, type RegistrationForm } from "./registration.ts";
import { type Login, logIn, type LoginForm, logOut, type Refresh, refresh, reportReuse } from "./sessions.ts";

/** What came of adding an address. */
export type AddressAddition =
  /** It is there, from now on or since an earlier request with the same key. */
  | { readonly outcome: "added"; readonly addressRef: string }
  /** An earlier request with the same key has added another address. */
  | { readonly outcome: "key-reused" }
  | { readonly outcome: "no-such-customer" }
  | { readonly outcome: "too-many-addresses" };

/** What the service does for its callers; knows neither HTTP nor Postgres. */
export interface Accounts {
  register(form: RegistrationForm): Promise<Registration>;
  logIn(form: LoginForm): Promise<Login>;
  refresh(refreshToken: string): Promise<Refresh>;
  logOut(refreshToken: string): Promise<void>;
  /** Tells of reuses that a process before this one did not get to; for the start. */
  reportReuse(): Promise<void>;
  findAccount(customerId: string): Promise<Account | undefined>;
  /** @param customerIds Each once. @returns Those that there are, in no order. */
  findAccounts(customerIds: readonly string[]): Promise<readonly Account[]>;
  /** @param idempotencyKey Names the request, per customer: a repeat adds nothing and gets the same reference. */
  addAddress(customerId: string, address: PostalAddress, idempotencyKey: string): Promise<AddressAddition>;
  /** @returns Newest first; `undefined` for an unknown customer. */
  findAddressesOf(customerId: string): Promise<readonly AddressVersion[] | undefined>;
  /** @param addressRefs Each once. @returns Those that there are, in no order. */
  findAddresses(addressRefs: readonly string[]): Promise<readonly AddressVersion[]>;
}

/** Versions that one customer may have: nobody lives at so many places, and lists need a bound. */
export const addressesMax = 50;

/**
 * Makes the service's operations.
 *
 * @param parts What they stand on.
 */
export function openAccounts(parts: AccountParts): Accounts {
  const { store } = parts;
  return {
    register: (form) => register(parts, form),
    logIn: (form) => logIn(parts, form),
    refresh: (refreshToken) => refresh(parts, refreshToken),
    logOut: (refreshToken) => logOut(parts, refreshToken),
    reportReuse: () => reportReuse(parts),
    findAccount: async (customerId) => (await store.findAccounts([customerId]))[0],
    findAccounts: (customerIds) => store.findAccounts(customerIds),
    addAddress: (customerId, address, idempotencyKey) => addAddress(parts, customerId, { address, idempotencyKey }),
    findAddressesOf: async (customerId) =>
      (await store.findAccounts([customerId])).length === 0 ? undefined : await store.listAddresses(customerId),
    findAddresses: (addressRefs) => store.findAddresses(addressRefs),
  };
}

async function addAddress(
  { store, turns, ids, clock }: AccountParts,
  customerId: string,
  asked: { readonly address: PostalAddress; readonly idempotencyKey: string },
): Promise<AddressAddition> {
  if ((await store.findAccounts([customerId])).length === 0) return { outcome: "no-such-customer" };
  const addressRef = ids.next();
  const { idempotencyKey } = asked;
  const address = { ...asked.address, addressRef, customerId, addedAtMs: clock.nowMs() };
  const cause = { subject: customerId, via: "gateway" };
  try {
    const write = { kind: "add-address", address, idempotencyKey, countMax: addressesMax } as const;
    await turns.run(AddAddress({ customerId, addressRef }), [write], cause);
    return { outcome: "added", addressRef };
  } catch (error) {
    if (isConflict(error, "too-many-addresses")) return { outcome: "too-many-addresses" };
    // Looked for only now: nearly every request is the first of its name, and of two at once one ends here anyway.
    const known = isConflict(error, "key-known") ? await store.findAddressByKey(customerId, idempotencyKey) : undefined;
    if (known === undefined) throw error;
    return isSamePlace(known, address) ? { outcome: "added", addressRef: known.addressRef } : { outcome: "key-reused" };
  }
}

function isConflict(error: unknown, reason: string): boolean {
  return error instanceof ConflictError && error.reason === reason;
}

function isSamePlace(one: PostalAddress, other: PostalAddress): boolean {
  const spelling = ({ recipient, lines, postalCode, city, region, countryCode }: PostalAddress) =>
    JSON.stringify([recipient, lines, postalCode, city, region, countryCode]);
  return spelling(one) === spelling(other);
}
