/** One account of a development shop. */
export interface SeedAccount {
  readonly email: string;
  readonly password: string;
  readonly displayName: string;
  readonly role: "customer" | "staff" | "auditor" | "operator";
}

/**
 * The accounts of every development shop. Their passwords stand in the README: such a shop listens on loopback only, and
 * no other one is ever seeded with them.
 */
export const seedAccounts: readonly SeedAccount[] = Object.freeze([
  { email: "customer@jangteo.test", password: "market-day-at-dawn", displayName: "Kim Customer", role: "customer" },
  { email: "staff@jangteo.test", password: "shelves-full-of-tea", displayName: "Seo Staff", role: "staff" },
  { email: "auditor@jangteo.test", password: "every-leaf-is-counted", displayName: "Ahn Auditor", role: "auditor" },
  { email: "operator@jangteo.test", password: "nothing-stays-in-dlq", displayName: "Oh Operator", role: "operator" },
]);

/** @returns Path of the file that `users` reads them from. */
export async function writeSeedFile(folder: string): Promise<string> {
  const path = `${folder}/seed-accounts.json`;
  await Deno.writeTextFile(path, JSON.stringify(seedAccounts, null, 2), { mode: 0o600 });
  return path;
}
