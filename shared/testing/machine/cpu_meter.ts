import { cpuMsOf, statOf } from "./proc.ts";

/** Processor time that was used, in milliseconds. */
export interface CpuTime {
  /** By this process, all its threads. */
  readonly ownMs: number;
  /** By a database server and all its processes, those that have ended included. */
  readonly databaseMs: number;
}

/**
 * Reads how much processor time was used so far, for measurements: on a machine that others work on, too, it says more
 * than the clock.
 *
 * @param databasePid Any process of a database server on this machine, its backend for example.
 * @throws {Error} If that process has ended.
 */
export function readCpu(databasePid?: number): CpuTime {
  const ownMs = cpuMsOf(Deno.pid);
  if (databasePid === undefined) return { ownMs, databaseMs: 0 };
  const server = statOf(databasePid)?.parentPid;
  if (server === undefined) throw new Error(`Cannot read processor time: process ${databasePid} has ended`);
  const pids = [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name)).map(({ name }) => Number(name));
  const children = pids.map(statOf).filter((stat) => stat?.parentPid === server);
  return { ownMs, databaseMs: children.reduce((sum, stat) => sum + (stat?.cpuMs ?? 0), cpuMsOf(server)) };
}

/** What was used between two readings. */
export function cpuBetween(before: CpuTime, after: CpuTime): CpuTime {
  return { ownMs: after.ownMs - before.ownMs, databaseMs: after.databaseMs - before.databaseMs };
}
