/** Processor time that was used, in milliseconds. */
export interface CpuTime {
  /** By this process, all its threads. */
  readonly ownMs: number;
  /** By a database server and all its processes, those that have ended included. */
  readonly databaseMs: number;
}

/**
 * Reads how much processor time was used so far, for measurements: on a machine that others work on, too, it says more
 * than the clock. Linux only.
 *
 * @param databasePid Any process of a database server on this machine, its backend for example.
 */
export function readCpu(databasePid?: number): CpuTime {
  const ownMs = usedMs(statOf("self"));
  if (databasePid === undefined) return { ownMs, databaseMs: 0 };
  const server = statOf(databasePid)[parentField]!;
  const children = [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name)).map(({ name }) => {
    try {
      return statOf(name);
    } catch {
      // It has ended meanwhile.
      return [];
    }
  }).filter((stat) => stat[parentField] === server);
  const master = statOf(server);
  const endedMs = (master[waitedUserField]! + master[waitedSystemField]!) * tickMs;
  return { ownMs, databaseMs: [master, ...children].reduce((sum, stat) => sum + usedMs(stat), endedMs) };
}

/** What was used between two readings. */
export function cpuBetween(before: CpuTime, after: CpuTime): CpuTime {
  return { ownMs: after.ownMs - before.ownMs, databaseMs: after.databaseMs - before.databaseMs };
}

/** Fields of proc(5) stat, counted from the one behind the name. */
const [parentField, userField, systemField, waitedUserField, waitedSystemField] = [1, 11, 12, 13, 14] as const;
/** `USER_HZ` is 100 on every Linux that we know. */
const tickMs = 10;

function statOf(pid: number | string): readonly number[] {
  const text = Deno.readTextFileSync(`/proc/${pid}/stat`);
  return text.slice(text.lastIndexOf(")") + 2).split(" ").map(Number);
}

function usedMs(stat: readonly number[]): number {
  return (stat[userField]! + stat[systemField]!) * tickMs;
}
