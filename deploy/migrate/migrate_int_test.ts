import { deepStrictEqual as assertEquals, match } from "node:assert/strict";
import { systemIds } from "@mesh/base";
import { provisionService } from "@mesh/store/migrate";
import { startInfra } from "@mesh/testing/infra";
import postgres from "postgres";

interface Outcome {
  readonly code: number;
  readonly said: string;
}

/** Runs the command with the rights that a cluster's job gives it. */
async function migrate(service: string, ownerUrl: string): Promise<Outcome> {
  const { hostname, port } = new URL(ownerUrl);
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", "--cached-only", "--frozen", "--allow-env=MESH_OWNER_URL", "--ignore-env"],
      ...[`--allow-net=${hostname}:${port}`, "--allow-read=services,shared/store/migrations"],
      ...["deploy/migrate/main.ts", service],
    ],
    cwd: new URL("../../", import.meta.url),
    env: { MESH_OWNER_URL: ownerUrl, NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return { code, said: decoder.decode(stdout) + decoder.decode(stderr) };
}

Deno.test("the owner of a database brings it up to date with nothing but its URL, and again without harm", async () => {
  await using infra = await startInfra({ wants: ["postgres"] });
  const prefix = `m${systemIds().next().slice(-8)}_`;
  const { adminUrl } = infra.postgres;
  const { ownerUrl, ownerRole, runtimeRole, database } = await provisionService({
    adminUrl,
    service: "gateway",
    password: "runtime",
    ownerPassword: "owner",
    prefix,
  });
  const admin = postgres(adminUrl, { max: 1, onnotice: () => {} });
  try {
    const first = await migrate("gateway", ownerUrl);
    assertEquals([first.code, /gateway: \d+ migrations applied/.test(first.said)], [0, true], first.said);
    match(first.said, /applied gateway\/0001_gateway\.sql/);
    assertEquals(await migrate("gateway", ownerUrl), { code: 0, said: "gateway: up to date\n" });

    const wrong = new URL(ownerUrl);
    wrong.password = "stale";
    const refused = await migrate("gateway", wrong.href);
    assertEquals([refused.code, refused.said.includes("stale")], [1, false]);
    match(refused.said, /^gateway: Cannot migrate: /);
    assertEquals((await migrate("warehouse", ownerUrl)).code, 2);
  } finally {
    await admin`drop database ${admin(database)} with (force)`;
    await admin`drop role ${admin(ownerRole)}, ${admin(runtimeRole)}`;
    await admin.end();
  }
});
