/**
 * What the kernel says of processes and of the machine, for measurements; Linux only.
 *
 * @module
 */
export { cpuBetween, type CpuTime, readCpu } from "./cpu_meter.ts";
export { busyMs, cpuMsOf, machineText, residentBytesOf } from "./proc.ts";
