import { type PeerClient, peerLookup } from "@mesh/runtime";
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
  const find = peerLookup({
    peers,
    peer: "users",
    path: "/v1/addresses",
    parameter: "address",
    item: document,
    keyOf: ({ addressRef }) => addressRef,
  });
  return async (addressRef, signal) => {
    const found = await find(addressRef, signal);
    if (found === undefined) return undefined;
    const { recipient, lines, postalCode, city, countryCode } = found;
    return { name: recipient, lines, postcode: postalCode, city, country: countryCode };
  };
}

const document = z.object({
  addressRef: z.string(),
  recipient: z.string(),
  lines: z.array(z.string()),
  postalCode: z.string(),
  city: z.string(),
  countryCode: z.string(),
});
