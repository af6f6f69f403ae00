import { processesIn } from "@mesh/testing/infra";
import { cpuMsOf } from "@mesh/testing/machine";
import type { Shop } from "@jangteo/deploy/dev/start-shop";

/** Processor time by group of processes, in milliseconds since they started. */
export type CpuTimes = Readonly<Record<string, number>>;

/** The bench's own process, which stands for all customers. */
export const customersGroup = "customers";

/**
 * Reads how much processor time each part of a shop has used so far.
 *
 * @param shop One that has started its servers itself.
 * @returns `broker`, `database`, every service, `simulators`, `customers`.
 */
export function readCpuTimes(shop: Shop): CpuTimes {
  const millisOf = (pids: readonly number[]) => pids.reduce((sum, pid) => sum + cpuMsOf(pid), 0);
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
