import { type AnyContract, type ContractLock, systemContracts } from "@mesh/contract";

/** Contracts that belong together, with the file that holds what was published of them. */
export interface LockedPackage {
  readonly name: string;
  readonly contracts: readonly AnyContract[];
  /** The lock file's address. */
  readonly file: URL;
}

const root = new URL("../../", import.meta.url);

/**
 * Finds everything that is published: the contracts of every service, and the mesh's own, which are alike in all.
 *
 * @returns By name; services without contracts are left out.
 */
export async function lockedPackages(): Promise<readonly LockedPackage[]> {
  const services = [...Deno.readDirSync(new URL("services/", root))].map(({ name }) => name).sort();
  const published = await Promise.all(
    services.map(async (name) => ({ name, contracts: await contractsOf(name), file: lockFile(`services/${name}`) })),
  );
  const mesh = { name: "mesh", contracts: Object.values(systemContracts("any")), file: lockFile("shared/contract") };
  return [...published.filter(({ contracts }) => contracts.length > 0), mesh];
}

/** @returns The published lock; an empty one where there is no file yet. */
export function readLock({ file }: LockedPackage): ContractLock {
  try {
    return JSON.parse(Deno.readTextFileSync(file));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { lockVersion: 1, contracts: {} };
    throw error;
  }
}

async function contractsOf(service: string): Promise<readonly AnyContract[]> {
  const file = new URL(`services/${service}/contract.ts`, root);
  try {
    Deno.statSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  const { contracts } = await import(file.href) as { readonly contracts: readonly AnyContract[] };
  return contracts;
}

function lockFile(folder: string): URL {
  return new URL(`${folder}/contract.lock.json`, root);
}
