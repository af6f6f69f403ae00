/** Passwords and secrets of one shop, drawn once and kept beside its data. */
export interface ShopSecrets {
  /** By service: password of its broker user and of its database role. */
  readonly services: Readonly<Record<string, { readonly broker: string; readonly database: string }>>;
  /** Secret key at the payment provider. */
  readonly paymentKey: string;
}

/**
 * Reads the secrets of a shop, drawing those that are missing.
 *
 * @param path File that only this account may read.
 * @param names Services that need secrets.
 */
export async function readShopSecrets(path: string, names: readonly string[]): Promise<ShopSecrets> {
  const known = await readKnown(path);
  const services = Object.fromEntries(names.map((name) => [
    name,
    known?.services[name] ?? { broker: drawPassword(), database: drawPassword() },
  ]));
  const secrets: ShopSecrets = { services, paymentKey: known?.paymentKey ?? `sk_test_${drawPassword()}` };
  const text = JSON.stringify(secrets, null, 2);
  if (text !== JSON.stringify(known, null, 2)) {
    await Deno.writeTextFile(`${path}.new`, text, { mode: 0o600 });
    await Deno.rename(`${path}.new`, path);
  }
  return secrets;
}

async function readKnown(path: string): Promise<ShopSecrets | undefined> {
  try {
    return JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function drawPassword(): string {
  return crypto.getRandomValues(new Uint8Array(18)).toHex();
}
