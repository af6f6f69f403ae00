import { processesIn } from "@mesh/testing/infra";
import type { Shop } from "@jangteo/deploy/dev/start-shop";

/** Processor time by group of processes, in milliseconds since they started. */
export type CpuTimes = Readonly<Record<string, number>>;

/** The bench's own process, which stands for all customers. */
export const customersGroup = "customers";

/**
 * Reads how much processor time each part of a shop has used so far.
 *
 * @param shop One that has started its servers itself.
 * @param millisPerTick Length of the kernel's clock tick in milliseconds.
 * @returns `broker`, `database`, every service, `simulators`, `customers`.
 */
export function readCpuTimes(shop: Shop, millisPerTick: number): CpuTimes {
  const millisOf = (pids: readonly number[]) => pids.reduce((sum, pid) => sum + ticksOf(pid), 0) * millisPerTick;
  const children = [...shop.serviceNames, "simulators"].map((name) =>
    [name, millisOf([shop.child(name).pid])] as const
  );
  return {
    broker: millisOf(processesIn(`${shop.folder}/servers/rabbitmq`)),
    database: millisOf(processesIn(`${shop.folder}/servers/postgres`)),
    ...Object.fromEntries(children),
    [customersGroup]: millisOf([Deno.pid]),
  };
}

/** @returns What was used between two readings. */
export function cpuTimesBetween(before: CpuTimes, after: CpuTimes): CpuTimes {
  return Object.fromEntries(Object.entries(after).map(([name, millis]) => [name, millis - (before[name] ?? 0)]));
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

/** Own time and that of children which have ended: a database's backends come and go. */
function ticksOf(pid: number): number {
  try {
    const text = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // The name may hold spaces and brackets; what follows the last bracket are fields 3 and up (proc(5)).
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return [14, 15, 16, 17].reduce((sum, field) => sum + Number(fields[field - 3]), 0);
  } catch {
    // It has ended; its parent has its time.
    return 0;
  }
}
