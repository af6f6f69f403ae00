/**
 * What the kernel says of processes and of the machine, by `/proc`; see proc(5).
 *
 * @module
 */

/**
 * Reads the processor time of a process and of those of its children that have ended: a database's backends come and go.
 *
 * @returns Clock ticks; 0 for a process that has ended, whose parent has its time.
 */
export function ticksOf(pid: number): number {
  try {
    return ticksFrom(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    return 0;
  }
}

/**
 * Reads processor time from the text of `/proc/<pid>/stat`.
 *
 * @example The name of a process may hold spaces and brackets
 * ```ts
 * import { strictEqual as assertEquals } from "node:assert/strict";
 * import { ticksFrom } from "./proc.ts";
 *
 * assertEquals(ticksFrom("7 (a) b) S 1 7 7 0 -1 0 0 0 0 0 100 20 3 4 20 0"), 127);
 * ```
 */
export function ticksFrom(text: string): number {
  // What follows the last bracket are fields 3 and up.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return [14, 15, 16, 17].reduce((sum, field) => sum + Number(fields[field - 3]), 0);
}

/** Reads the time that all processors together were busy, in clock ticks. */
export function busyTicks(): number {
  const [line = ""] = Deno.readTextFileSync("/proc/stat").split("\n");
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.trim().split(/\s+/).slice(1).map(Number);
  return user + nice + system + irq + softirq;
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

/**
 * Reads the length of a clock tick, in milliseconds.
 *
 * @throws {Error} Where there is no `getconf`.
 */
export async function readMillisPerTick(): Promise<number> {
  const { stdout } = await new Deno.Command("getconf", { args: ["CLK_TCK"] }).output();
  return 1000 / Number(new TextDecoder().decode(stdout));
}

/** Names the machine for a report. */
export function machineText(): string {
  const cpu = /^model name\s*: (.*)$/m.exec(Deno.readTextFileSync("/proc/cpuinfo"))?.[1] ?? Deno.build.arch;
  return `${navigator.hardwareConcurrency} cores (${cpu}), Deno ${Deno.version.deno}`;
}
