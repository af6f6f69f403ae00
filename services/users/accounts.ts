import { ConflictError } from "@mesh/base";
import type { Account, AddressVersion, PostalAddress } from "./account_store.ts";
import { AddAddress } from "./contract.ts";
import type { AccountParts } from "./parts.ts";
import { register, type Registration, type RegistrationForm } from "./registration.ts";
import { type Login, logIn, type LoginForm, logOut, type Refresh, refresh, reportReuse } from "./sessions.ts";

/** What came of adding an address. */
export type AddressAddition =
  | { readonly outcome: "added"; readonly addressRef: string }
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
  addAddress(customerId: string, address: PostalAddress): Promise<AddressAddition>;
  /** @returns Newest first; `undefined` for an unknown customer. */
  findAddressesOf(customerId: string): Promise<readonly AddressVersion[] | undefined>;
  findAddress(addressRef: string): Promise<AddressVersion | undefined>;
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
    findAccount: (customerId) => store.findAccount(customerId),
    addAddress: (customerId, address) => addAddress(parts, customerId, address),
    findAddressesOf: async (customerId) =>
      await store.findAccount(customerId) === undefined ? undefined : await store.listAddresses(customerId),
    findAddress: (addressRef) => store.findAddress(addressRef),
  };
}

async function addAddress(
  { store, turns, ids, clock }: AccountParts,
  customerId: string,
  postal: PostalAddress,
): Promise<AddressAddition> {
  if (await store.findAccount(customerId) === undefined) return { outcome: "no-such-customer" };
  const addressRef = ids.next();
  const address = { ...postal, addressRef, customerId, addedAtMs: clock.nowMs() };
  const cause = { subject: customerId, via: "gateway" };
  try {
    const write = { kind: "add-address", address, countMax: addressesMax } as const;
    await turns.run(AddAddress({ customerId, addressRef }), [write], cause);
    return { outcome: "added", addressRef };
  } catch (error) {
    if (error instanceof ConflictError && error.reason === "too-many-addresses") {
      return { outcome: "too-many-addresses" };
    }
    throw error;
  }
}
