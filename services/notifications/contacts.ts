import { type PeerClient, peerLookup } from "@mesh/runtime";
import { z } from "zod";
import type { Contact } from "./adapters/smtp.ts";

/**
 * Learns contacts from `users`, for the one effect that needs them; nothing is kept.
 *
 * @returns A function that resolves with the contact, or `undefined` if it was erased; it throws `UnavailableError` while
 * `users` does not answer.
 */
export function contacts(peers: PeerClient): (customerId: string, signal: AbortSignal) => Promise<Contact | undefined> {
  return peerLookup({
    peers,
    peer: "users",
    path: "/v1/contacts",
    parameter: "customer",
    item: z.object({ customerId: z.string(), email: z.string(), displayName: z.string() }),
    keyOf: ({ customerId }) => customerId,
  });
}
