import { defaultTiersMs } from "@mesh/broker";
import { provideBroker } from "../dev/provide_broker.ts";
import { provideDatabases } from "../dev/provide_databases.ts";
import { provideFiles } from "../dev/provide_files.ts";
import { writeSeedFile } from "../dev/seed_accounts.ts";
import type { ShopSecrets } from "../dev/shop_secrets.ts";
import { services, vhost } from "../topology.ts";

/** What the shop in containers is brought about from. */
export interface ComposePlan {
  /** What the passwords of services are made of: `<secret>-<service>`. */
  readonly secret: string;
  /** URL of the broker's management API, with its administrator. */
  readonly managementUrl: string;
  /** URL of the database server, for its administrator. */
  readonly adminUrl: string;
  /** Folder of the keys. */
  readonly folder: string;
  readonly partitions: number;
  readonly nowMs: number;
  readonly log: (line: string) => void;
}

/**
 * Brings about keys, topology, broker users, databases and tables. May run before every start.
 *
 * @throws {UnavailableError} If a server refuses or does not answer.
 */
export async function provideComposeShop(plan: ComposePlan): Promise<void> {
  const { folder, adminUrl, partitions, nowMs, log } = plan;
  const secrets = composeSecrets(plan.secret);
  await provideFiles(folder, secrets);
  await writeSeedFile(folder);
  const { username, password, origin } = new URL(plan.managementUrl);
  const management = { url: origin, user: decodeURIComponent(username), password: decodeURIComponent(password) };
  await provideBroker({ broker: { management }, secrets, vhost, partitions, tiersMs: defaultTiersMs, log });
  await provideDatabases({ postgres: { adminUrl }, secrets, databasePrefix: "", nowMs, log });
  log("provisioned");
}

/** The same password at broker and database: both are reached from the same container, by the same process. */
function composeSecrets(secret: string): ShopSecrets {
  return {
    services: Object.fromEntries(
      services.map(({ name }) => [name, { broker: `${secret}-${name}`, database: `${secret}-${name}` }]),
    ),
    paymentKey: "sk_test_simulated",
  };
}
