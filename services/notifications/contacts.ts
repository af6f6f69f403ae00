import { ContractError, UnavailableError } from "@mesh/base";
import type { PeerClient } from "@mesh/runtime";
import { z } from "zod";
import type { Contact } from "./adapters/smtp.ts";

/**
 * Learns contacts from `users`, for the one effect that needs them; nothing is kept.
 *
 * @returns A function that resolves with the contact, or `undefined` if it was erased; it throws `UnavailableError` while
 * `users` does not answer.
 */
export function contacts(peers: PeerClient): (customerId: string, signal: AbortSignal) => Promise<Contact | undefined> {
  return async (customerId, signal) => {
    const response = await peers.call("users", `/v1/contacts/${encodeURIComponent(customerId)}`, { signal });
    if (response.status === 404) {
      await response.body?.cancel();
      return undefined;
    }
    if (!response.ok) {
      await response.body?.cancel();
      throw new UnavailableError(`Cannot resolve contact: users answered ${response.status}`, { dependency: "users" });
    }
    const read = document.safeParse(await response.json());
    if (!read.success) throw new ContractError("Cannot resolve contact: the answer of users is malformed");
    return read.data;
  };
}

const document = z.object({ email: z.string(), displayName: z.string() });
