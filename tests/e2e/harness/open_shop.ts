import { systemIds } from "@mesh/base";
import { ManagementClient } from "@mesh/broker";
import { type Infra, startInfra } from "@mesh/testing/infra";
import postgres from "postgres";
import { services } from "@jangteo/deploy/topology";
import { type Shop, type ShopOptions, startShop } from "@jangteo/deploy/dev/start-shop";
import { ShopRecords } from "./shop_records.ts";

/** How a shop under test differs from the usual one. */
export interface TestShopOptions extends
  Pick<
    ShopOptions,
    "only" | "settings" | "sagaLimits" | "partitions" | "extra" | "isSeeded" | "brokerThrough" | "adapt" | "onLine"
  > {
  /** Servers of its own, which the test may kill; otherwise those of the environment, or new ones. */
  readonly hasOwnServers?: boolean;
}

/** A shop under test, and what the test may know of it. */
export interface TestShop {
  readonly shop: Shop;
  readonly records: ShopRecords;
  /** Lines that the processes have printed, `orders {...}`. */
  readonly lines: readonly string[];
}

/** Waits of the retry tiers: all of them within two seconds. */
const tiersMs = [50, 100, 200, 400];

/** Patience for tests: nothing waits longer than a few seconds, and everything that repeats does so often. */
const settings = {
  tiersMs,
  sweepAfterMs: 1_000,
  sweepEveryMs: 200,
  leaseMs: 5_000,
  timerEveryMs: 50,
  redriveEveryMs: 100,
  effectEveryMs: 200,
  effectRetryMinMs: 50,
  effectRetryMaxMs: 1_000,
  catchUpAfterMs: 3_000,
  catchUpEveryMs: 5_000,
  catchUpLagMs: 1_000,
  laneOverdueMs: 2_000,
} as const;

/** 20 s: longer than a busy machine needs for a step, short enough to be waited for. */
const sagaLimits = { giveUpAfterMs: 20_000, attentionAfterMs: 60_000, retryFirstMs: 100, retryMaxMs: 1_000 };

/** Lines kept of a shop's log. */
const linesMax = 50_000;

/**
 * Runs a test against a shop with a vhost and databases of its own, so that shops can share servers and run beside a
 * developer's. Everything that was made for it is gone afterwards. Prints warnings of the services when the test fails.
 */
export async function withShop<T>(options: TestShopOptions, test: (shop: TestShop) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "jangteo-e2e-" });
  // The servers' own account must reach its data below.
  await Deno.chmod(folder, 0o711);
  const { hasOwnServers = false, ...rest } = options;
  const lines: string[] = [];
  const name = `e2e${systemIds().next().replaceAll("-", "").slice(-10)}`;
  const infra = await startInfra({
    wants: ["rabbitmq", "postgres"],
    stateDir: `${folder}/servers`,
    keep: false,
    ...(hasOwnServers ? { env: withoutServers(Deno.env.toObject()) } : {}),
  });
  try {
    await using shop = await startShop({
      settings,
      sagaLimits,
      partitions: 2,
      ...rest,
      ...(rest.settings === undefined ? {} : { settings: { ...settings, ...rest.settings } }),
      ...(rest.sagaLimits === undefined ? {} : { sagaLimits: { ...sagaLimits, ...rest.sagaLimits } }),
      folder,
      infra,
      vhost: name,
      databasePrefix: `${name}_`,
      onLine: (service, line) => {
        if (lines.length < linesMax) lines.push(`${service} ${line}`);
        rest.onLine?.(service, line);
      },
    });
    await using records = new ShopRecords(shop);
    return await test({ shop, records, lines });
  } catch (error) {
    console.error(lines.filter((line) => !/"level":"(INFO|DEBUG|TRACE)"/.test(line)).slice(-60).join("\n"));
    throw error;
  } finally {
    if (!hasOwnServers) await cleanUp(infra, name);
    await infra.stop();
    await Deno.remove(folder, { recursive: true });
  }
}

/** The environment without what names servers that belong to others: such may be used, but not killed. */
function withoutServers(env: Readonly<Record<string, string>>): Record<string, string> {
  const { MESH_AMQP_URL: _1, MESH_RABBITMQ_MANAGEMENT_URL: _2, MESH_POSTGRES_URL: _3, ...rest } = env;
  return rest;
}

/** Servers may be somebody else's: nothing is left behind in them. */
async function cleanUp({ broker, postgres: { adminUrl } }: Infra, name: string): Promise<void> {
  const management = new ManagementClient({ ...broker.management, vhost: name });
  await management.deleteVhost();
  await management.call("DELETE", `/api/global-parameters/jangteo-${name}`);
  const sql = postgres(adminUrl, { max: 1, onnotice: () => {} });
  for (const { name: service } of services) {
    const role = `${name}_${service}`;
    await sql`drop database if exists ${sql(role)} with (force)`;
    await sql`drop role if exists ${sql(role)}, ${sql(`${role}_owner`)}`;
  }
  await sql.end();
}
