import { createHmac } from "node:crypto";
import { readOrMake } from "./read_or_make.ts";

/** Passwords and secrets of one shop. */
export interface ShopSecrets {
  /** By service: password of its broker user and of its database role. */
  readonly services: Readonly<Record<string, { readonly broker: string; readonly database: string }>>;
  /** Secret key at the payment provider. */
  readonly paymentKey: string;
}

/**
 * Derives the secrets of a shop from one that is drawn once and kept beside its data.
 *
 * @param path File of the secret; only this account may read it.
 * @param names Services that need passwords.
 * @param brokerSecret What the passwords at the broker come from instead. Users belong to a broker as a whole and are
 *   named as the services are, so shops that share a broker must agree on their passwords.
 */
export async function readShopSecrets(
  path: string,
  names: readonly string[],
  brokerSecret?: string,
): Promise<ShopSecrets> {
  const own = await readOrMake(path, () => crypto.getRandomValues(new Uint8Array(32)).toHex());
  const services = names.map((name) => [
    name,
    { broker: derived(brokerSecret ?? own, `broker/${name}`), database: derived(own, `database/${name}`) },
  ]);
  return { services: Object.fromEntries(services), paymentKey: `sk_test_${derived(own, "payment-provider")}` };
}

function derived(secret: string, purpose: string): string {
  return createHmac("sha256", secret).update(purpose).digest("hex").slice(0, 40);
}
