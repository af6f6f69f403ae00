import { ContractError } from "@mesh/base";
import type { AnyContract } from "./define.ts";

/** Finds contracts by what a message says of itself. */
export interface ContractRegistry {
  /** @returns The contract, or `undefined` when nobody here knows it. */
  find(type: string, version: number): AnyContract | undefined;
  /**
   * @returns The contract.
   * @throws {ContractError} If type or version is unknown here.
   */
  read(type: string, version: number): AnyContract;
  readonly all: readonly AnyContract[];
}

/**
 * Gathers contracts for look-up.
 *
 * @param contracts Any number; the same contract may come twice, two different ones of the same name may not.
 * @throws {ContractError} If two contracts share type and version.
 */
export function contractRegistry(contracts: readonly AnyContract[]): ContractRegistry {
  const byType = new Map<string, Map<number, AnyContract>>();
  for (const contract of contracts) {
    const { type, version } = contract;
    const byVersion = byType.get(type) ?? new Map<number, AnyContract>();
    const known = byVersion.get(version);
    if (known !== undefined && known !== contract) {
      throw new ContractError(`Cannot register "${type}#${version}": another contract has that name`);
    }
    byType.set(type, byVersion.set(version, contract));
  }
  const find = (type: string, version: number) => byType.get(type)?.get(version);
  return Object.freeze({
    find,
    read: (type: string, version: number) => {
      const found = find(type, version);
      if (found === undefined) {
        throw new ContractError(`Cannot read message: contract "${type}#${version}" is unknown here`, {
          reason: "unknown-type",
        });
      }
      return found;
    },
    all: [...new Set(contracts)],
  });
}
