import { definitionsOf, hashPassword, ManagementClient } from "@mesh/broker";
import { errorCode, sha256 } from "@mesh/base";
import type { BrokerServer } from "@mesh/testing/infra";
import { services, shopTopology } from "../topology.ts";
import type { ShopSecrets } from "./shop_secrets.ts";

/** What the broker is to hold. */
export interface BrokerPlan {
  readonly broker: BrokerServer;
  readonly secrets: ShopSecrets;
  readonly vhost: string;
  readonly partitions: number;
  readonly tiersMs: readonly number[];
  readonly log: (line: string) => void;
}

/**
 * Loads topology, users and rights into the broker. Does nothing if it holds the same ones already: a note in the broker
 * itself says so, which is lost with everything else when its data are.
 *
 * @throws {UnavailableError} If the broker refuses or does not answer.
 */
export async function provideBroker(plan: BrokerPlan): Promise<void> {
  const { broker, secrets, vhost, partitions, tiersMs, log } = plan;
  const management = new ManagementClient({ ...broker.management, vhost });
  const passwordHashes = Object.fromEntries(
    services.map(({ name }) => [name, hashedPassword(name, secrets.services[name]!.broker)]),
  );
  const definitions = definitionsOf(shopTopology(partitions, tiersMs), { vhost, passwordHashes });
  const mark = { name: `jangteo-${vhost}`, value: sha256(JSON.stringify(definitions)) };
  if (await readMark(management, mark.name) === mark.value) return;
  log(`loading ${definitions.queues.length} queues and ${definitions.bindings.length} bindings into the broker`);
  await management.createVhost();
  await management.importDefinitions(definitions);
  await management.call("PUT", `/api/global-parameters/${mark.name}`, mark);
}

async function readMark(management: ManagementClient, name: string): Promise<unknown> {
  try {
    const found = await management.call("GET", `/api/global-parameters/${name}`);
    return (found as { readonly value?: unknown } | undefined)?.value;
  } catch (error) {
    // There is none, or the broker does not answer, which the import will say better.
    if (errorCode(error) === "dependency.unavailable") return undefined;
    throw error;
  }
}

/** The salt comes from the password itself, so that the same password always makes the same definitions. */
function hashedPassword(name: string, password: string): string {
  const digest = Uint8Array.fromBase64(sha256(name + password), { alphabet: "base64url" });
  return hashPassword(password, digest.subarray(0, 4));
}
