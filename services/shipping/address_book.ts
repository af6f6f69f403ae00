import { ContractError, UnavailableError } from "@mesh/base";
import type { PeerClient } from "@mesh/runtime";
import { z } from "zod";
import type { Address } from "./adapters/carrier.ts";

/**
 * Learns addresses from `users`, for the one effect that needs them; nothing is kept.
 *
 * @returns A function that resolves with the address, or `undefined` if it was erased; it throws `UnavailableError` while
 * `users` does not answer.
 */
export function addressBook(
  peers: PeerClient,
): (addressRef: string, signal: AbortSignal) => Promise<Address | undefined> {
  return async (addressRef, signal) => {
    const response = await peers.call("users", `/v1/addresses/${encodeURIComponent(addressRef)}`, { signal });
    if (response.status === 404) {
      await response.body?.cancel();
      return undefined;
    }
    if (!response.ok) {
      await response.body?.cancel();
      throw new UnavailableError(`Cannot resolve address: users answered ${response.status}`, { dependency: "users" });
    }
    const read = document.safeParse(await response.json());
    if (!read.success) throw new ContractError("Cannot resolve address: the answer of users is malformed");
    const { recipient, lines, postalCode, city, countryCode } = read.data;
    return { name: recipient, lines, postcode: postalCode, city, country: countryCode };
  };
}

const document = z.object({
  recipient: z.string(),
  lines: z.array(z.string()),
  postalCode: z.string(),
  city: z.string(),
  countryCode: z.string(),
});
