import { ok } from "node:assert/strict";
import { busyMs, cpuBetween, cpuMsOf, machineText, readCpu, residentBytesOf } from "./mod.ts";

const noProcess = 2 ** 22 + 1;

Deno.test("work of this process shows as its own processor time and as that of the machine", () => {
  const [before, busyBefore] = [readCpu(), busyMs()];
  let sum = 0;
  while (cpuBetween(before, readCpu()).ownMs < 50) for (let at = 0; at < 1e6; at += 1) sum += at;
  ok(sum > 0);
  // Both are counted in ticks of 10 ms, each by a clock of its own.
  ok(busyMs() - busyBefore >= 20, "the machine was busy, too");
});

Deno.test("a server's processor time is found by any of its processes", () => {
  // This process is a child of whoever runs the tests.
  const { databaseMs } = readCpu(Deno.pid);
  ok(databaseMs >= cpuMsOf(Deno.pid));
});

Deno.test("a process that has ended has neither time nor memory", () => {
  ok(cpuMsOf(noProcess) === 0 && residentBytesOf(noProcess) === 0);
  ok(residentBytesOf(Deno.pid) > 1e6);
});

Deno.test("the machine is named by its cores", () => {
  ok(machineText().startsWith(`${navigator.hardwareConcurrency} cores`));
});
