import { deepStrictEqual as assertEquals, ok as assert } from "node:assert/strict";
import { callManagement, createVhost, type ManagementAccess } from "./management.ts";
import { processesIn, processesOfGroup } from "./processes.ts";
import { BrokerProcess } from "./rabbitmq_process.ts";
import { startInfra } from "./start_infra.ts";

Deno.test("a broker that is killed comes back with its queues, wiped comes back empty, stopped leaves no process", async () => {
  await using infra = await startInfra({ wants: ["rabbitmq"], mode: "local" });
  const { broker } = infra;
  const folder = broker.logFile!.replace(/\/broker\.log$/, "");
  await callManagement(broker.management, {
    method: "PUT",
    path: "/api/queues/%2F/letters",
    body: { durable: true, arguments: { "x-queue-type": "quorum" } },
  });
  const pids = processesIn(folder);
  assert(pids.length >= 2, "the Erlang machine and its name service run");

  await broker.kill();
  assertEquals(processesIn(folder), []);

  await broker.start();
  assertEquals(await queueNames(broker.management), ["letters"]);

  await broker.kill();
  await broker.wipe();
  await broker.start();
  assertEquals(await queueNames(broker.management), []);
  await createVhost(broker.management, "after");

  await infra.stop();
  assertEquals(pids.flatMap((pid) => processesOfGroup(pid)), []);
  assertEquals(processesIn("/tmp").filter((pid) => pids.includes(pid)), []);
});

Deno.test("a broker listens on loopback only, its Erlang distribution included", async () => {
  await using infra = await startInfra({ wants: ["rabbitmq"], mode: "local" });
  assert(infra.broker instanceof BrokerProcess);

  assertEquals(listenersBeyondLoopback(infra.broker.processGroup!), []);
});

async function queueNames(management: ManagementAccess): Promise<string[]> {
  const queues = await callManagement(management, { method: "GET", path: "/api/queues" }) as { name: string }[];
  return queues.map(({ name }) => name);
}

/** Addresses (hexadecimal, as the kernel prints them) that sockets of a process listen on, loopback left out. */
function listenersBeyondLoopback(pid: number): string[] {
  const sockets = new Set<string>();
  for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
    const inode = /^socket:\[(\d+)\]$/.exec(readLink(`/proc/${pid}/fd/${name}`))?.[1];
    if (inode !== undefined) sockets.add(inode);
  }
  const rows = ["tcp", "tcp6"].flatMap((file) =>
    Deno.readTextFileSync(`/proc/net/${file}`).trim().split("\n").slice(1)
  );
  const listening = rows.map((row) => row.trim().split(/\s+/)).filter((row) => row[3] === "0A" && sockets.has(row[9]!));
  assert(listening.length >= 3, "AMQP, management and distribution were found");
  return listening.map((row) => row[1]!).filter((address) => !address.startsWith("0100007F:"));
}

function readLink(path: string): string {
  try {
    return Deno.readLinkSync(path);
  } catch {
    // The descriptor was closed while we looked.
    return "";
  }
}
