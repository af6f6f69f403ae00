/**
 * What the kernel says of processes and of the machine, by `/proc`; see proc(5).
 *
 * @module
 */

/** `USER_HZ` is 100 wherever Deno runs on Linux: a clock tick of `/proc` is 10 ms long. */
const tickMs = 10;

/**
 * Reads the processor time of a process and of those of its children that have ended: a database's backends come and go.
 *
 * @returns Milliseconds since it started; 0 for a process that has ended, whose parent has its time.
 */
export function cpuMsOf(pid: number): number {
  return statOf(pid)?.cpuMs ?? 0;
}

/** What `/proc/<pid>/stat` says of a process. */
export interface ProcessStat {
  readonly parentPid: number;
  /** Processor time of the process and of its children that have ended, in milliseconds. */
  readonly cpuMs: number;
}

/** Looks at a process. @returns `undefined` once it has ended. */
export function statOf(pid: number): ProcessStat | undefined {
  try {
    return statFrom(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    return undefined;
  }
}

/**
 * Reads the text of `/proc/<pid>/stat`.
 *
 * @example The name of a process may hold spaces and brackets
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { statFrom } from "./proc.ts";
 *
 * assertEquals(statFrom("7 (a) b) S 1 7 7 0 -1 0 0 0 0 0 100 20 3 4 20 0"), { parentPid: 1, cpuMs: 1_270 });
 * ```
 */
export function statFrom(text: string): ProcessStat {
  // What follows the last bracket are fields 3 and up.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const field = (number: number) => Number(fields[number - 3]);
  return { parentPid: field(4), cpuMs: (field(14) + field(15) + field(16) + field(17)) * tickMs };
}

/** Reads the time that all processors together were busy since the machine started, in milliseconds. */
export function busyMs(): number {
  const [line = ""] = Deno.readTextFileSync("/proc/stat").split("\n");
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.trim().split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq) * tickMs;
}

/** Reads the memory that a process has resident, in bytes; 0 once it has ended. */
export function residentBytesOf(pid: number): number {
  try {
    const text = Deno.readTextFileSync(`/proc/${pid}/status`);
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** Names the machine for a report. */
export function machineText(): string {
  const cpu = /^model name\s*: (.*)$/m.exec(Deno.readTextFileSync("/proc/cpuinfo"))?.[1] ?? Deno.build.arch;
  return `${navigator.hardwareConcurrency} cores (${cpu}), Deno ${Deno.version.deno}`;
}
