import { deepStrictEqual as assertEquals, ok as assert, rejects as assertRejects } from "node:assert/strict";
import postgres from "postgres";
import { systemClock } from "@mesh/base";
import { findFreePorts } from "./free_ports.ts";
import { createDatabase, dropDatabase } from "./postgres_admin.ts";
import { processesIn } from "./processes.ts";
import { startInfra } from "./start_infra.ts";

Deno.test("a database that is killed comes back with what was committed, stopped leaves no process", async () => {
  await using infra = await startInfra({ wants: ["postgres"], mode: "local" });
  const server = infra.postgres;
  const folder = server.logFile!.replace(/\/postgres\.log$/, "");
  const url = await createDatabase(server.adminUrl, "tea-shop");
  await query(url, "create table tea (sku text)");
  await query(url, "insert into tea values ('TEA-0001')");

  await server.kill();
  assertEquals(processesIn(folder), []);

  await server.start();
  assertEquals(await query(url, "select sku from tea"), [{ sku: "TEA-0001" }]);

  await dropDatabase(server.adminUrl, "tea-shop");
  await dropDatabase(server.adminUrl, "tea-shop");
  await assertRejects(query(url, "select 1"), /does not exist/);

  await infra.stop();
  assertEquals(processesIn(folder), []);
});

Deno.test("a database recovers from a crash without reading every file of its disk first", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  await using infra = await startInfra({ wants: ["postgres"], mode: "local" });
  assertEquals(await query(infra.postgres.adminUrl, "select current_setting('recovery_init_sync_method') as method"), [
    { method: "syncfs" },
  ]);
});

Deno.test("a database is durable and ends transactions that stand open", async () => {
  await using infra = await startInfra({ wants: ["postgres"], mode: "local" });
  const names = [
    "fsync",
    "synchronous_commit",
    "idle_in_transaction_session_timeout",
    "listen_addresses",
    "data_checksums",
  ];
  const rows = await query(
    infra.postgres.adminUrl,
    `select name, setting from pg_settings where name in (${names.map((name) => `'${name}'`).join()}) order by name`,
  );

  assertEquals(rows.map(({ name, setting }) => [name, setting]), [
    ["data_checksums", "on"],
    ["fsync", "on"],
    ["idle_in_transaction_session_timeout", "5000"],
    ["listen_addresses", "127.0.0.1"],
    ["synchronous_commit", "on"],
  ]);
});

Deno.test("data in a named folder survives stop, and the folder has one user at a time", async () => {
  const stateDir = await reachableFolder();
  try {
    await using first = await startInfra({ wants: ["postgres"], mode: "local", stateDir });
    await query(first.postgres.adminUrl, "create table kept (n int)");
    await assertRejects(startInfra({ wants: ["postgres"], mode: "local", stateDir }), /another process .* is using it/);
    await first.stop();

    await using second = await startInfra({ wants: ["postgres"], mode: "local", stateDir });
    assertEquals(await query(second.postgres.adminUrl, "select n from kept"), []);
  } finally {
    await Deno.remove(stateDir, { recursive: true });
  }
});

Deno.test("servers die with a supervisor that is killed", async () => {
  const stateDir = await reachableFolder();
  const supervisor = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--frozen", new URL("./supervisor_fixture.ts", import.meta.url).pathname, stateDir],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  try {
    await readUntil(supervisor.stdout, "ready");
    assert(processesIn(stateDir).length > 0);
  } finally {
    supervisor.kill("SIGKILL");
    await supervisor.status;
  }

  const deadlineMs = systemClock.monotonicMs() + 10_000;
  while (processesIn(stateDir).length > 0) {
    assert(systemClock.monotonicMs() < deadlineMs, "a server outlived its supervisor by 10 s");
    await systemClock.delay(20);
  }
  await Deno.remove(stateDir, { recursive: true });
});

Deno.test("a port that is taken is named", async () => {
  const port = findFreePorts(1)[0]!;
  using _listener = Deno.listen({ hostname: "127.0.0.1", port });

  await assertRejects(
    startInfra({ wants: ["postgres"], mode: "local", ports: { postgres: port } }),
    new RegExp(`port ${port} for postgres: another process listens on it`),
  );
});

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const sql = postgres(url, { max: 1, connect_timeout: 5, onnotice: () => {} });
  try {
    return [...await sql.unsafe(text)];
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function reachableFolder(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "jangteo-" });
  await Deno.chmod(folder, 0o711);
  return folder;
}

async function readUntil(stream: ReadableStream<Uint8Array>, word: string): Promise<void> {
  let text = "";
  for await (const part of stream.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (text.includes(word)) return;
  }
  throw new Error(`Cannot see "${word}": the output was ${JSON.stringify(text)}`);
}
