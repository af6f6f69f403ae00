import { busyMs, cpuMsOf, residentBytesOf } from "@mesh/testing/machine";
import type { Processes, ProcessGroup } from "../contender/protocol.ts";
import { processGroups } from "../contender/protocol.ts";

/** Processor time by part, in milliseconds. */
export type CpuByGroup = Readonly<Record<ProcessGroup, number>>;

/** Processor time at one moment. */
export interface CpuReading {
  readonly groups: CpuByGroup;
  /** Of the whole machine, whoever used it. */
  readonly machineMs: number;
}

/** Reads the processor time that each part has used so far. */
export function readCpu(processes: Processes): CpuReading {
  const millisOf = (group: ProcessGroup) => (processes[group] ?? []).reduce((sum, pid) => sum + cpuMsOf(pid), 0);
  return {
    groups: Object.fromEntries(processGroups.map((group) => [group, millisOf(group)])) as Record<ProcessGroup, number>,
    machineMs: busyMs(),
  };
}

/**
 * Subtracts an earlier reading from a later one.
 *
 * @example
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { cpuBetween } from "./usage.ts";
 *
 * const before = { groups: { broker: 5, database: 0, services: 1, driver: 0 }, machineMs: 10 };
 * const after = { groups: { broker: 9, database: 2, services: 1, driver: 3 }, machineMs: 30 };
 * assertEquals(cpuBetween(before, after), {
 *   groups: { broker: 4, database: 2, services: 0, driver: 3 },
 *   machineMs: 20,
 * });
 * ```
 */
export function cpuBetween(before: CpuReading, after: CpuReading): CpuReading {
  const entries = processGroups.map((group) => [group, after.groups[group] - before.groups[group]]);
  return {
    groups: Object.fromEntries(entries) as Record<ProcessGroup, number>,
    machineMs: after.machineMs - before.machineMs,
  };
}

/** Reads the memory of services and driver that is resident, in bytes. */
export function residentBytes({ services = [], driver = [] }: Processes): number {
  return [...services, ...driver].reduce((sum, pid) => sum + residentBytesOf(pid), 0);
}
