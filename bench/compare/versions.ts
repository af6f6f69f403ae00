import { callManagement } from "@mesh/testing/infra";
import postgres from "postgres";
import type { Arena } from "./measure_contender.ts";

/** Peers that are named in a report. */
const peerPackages = ["@dbos-inc/dbos-sdk", "@restatedev/restate-server", "@restatedev/restate-sdk", "moleculer"];

/** Lists what was measured, in versions, each once. */
export async function readVersions({ infra, peers }: Arena): Promise<readonly string[]> {
  const overview = await callManagement(infra.broker.management, { method: "GET", path: "/api/overview" });
  const { rabbitmq_version: broker } = overview as { readonly rabbitmq_version: string };
  return [
    `Deno ${Deno.version.deno}`,
    `RabbitMQ ${broker}`,
    `PostgreSQL ${await readDatabaseVersion(infra.postgres.adminUrl)}`,
    ...(peers === undefined
      ? []
      : [`Node ${await readNodeVersion(peers.node)}`, ...await readPeerVersions(peers.folder)]),
  ];
}

async function readDatabaseVersion(adminUrl: string): Promise<string> {
  const sql = postgres(adminUrl, { max: 1, onnotice: () => {} });
  try {
    const [row] = await sql<{ server_version: string }[]>`show server_version`;
    return row?.server_version.split(" ")[0] ?? "";
  } finally {
    await sql.end();
  }
}

async function readNodeVersion(node: string): Promise<string> {
  const { stdout } = await new Deno.Command(node, { args: ["--version"] }).output();
  return new TextDecoder().decode(stdout).trim().replace(/^v/, "");
}

async function readPeerVersions(folder: string): Promise<readonly string[]> {
  return await Promise.all(peerPackages.map(async (name) => {
    const text = await Deno.readTextFile(`${folder}/node_modules/${name}/package.json`);
    return `${name} ${(JSON.parse(text) as { readonly version: string }).version}`;
  }));
}
