import {
  applyTopology,
  type BrokerTopology,
  definitionsOf,
  hashPassword,
  ManagementClient,
  readLiveTopology,
  topologyDiff,
} from "@mesh/broker";
import { errorCode, sha256 } from "@mesh/base";
import type { BrokerServer } from "@mesh/testing/infra";
import { services, shopTopology } from "../topology.ts";
import type { ShopSecrets } from "./shop_secrets.ts";

/** What the broker is to hold. */
export interface BrokerPlan {
  readonly broker: Pick<BrokerServer, "management">;
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
  const topology = shopTopology(partitions, tiersMs);
  const definitions = definitionsOf(topology, { vhost, passwordHashes });
  const mark = { name: `jangteo-${vhost}`, value: sha256(JSON.stringify(definitions)) };
  const before = await readMark(management, mark.name);
  if (before === mark.value) return;
  log(`loading ${definitions.queues.length} queues and ${definitions.bindings.length} bindings into the broker`);
  await management.createVhost();
  await management.importDefinitions(definitions);
  // An import only adds; what an earlier state of the contracts has left would deliver what nobody understands any more.
  if (before !== undefined) await removeForeign(management, topology, log);
  await management.call("PUT", `/api/global-parameters/${mark.name}`, mark);
}

async function removeForeign(
  management: ManagementClient,
  topology: BrokerTopology,
  log: (line: string) => void,
): Promise<void> {
  const findings = topologyDiff(topology, await readLiveTopology(management), { caller: management.user });
  const applied = await applyTopology(management, findings, { removesForeign: true });
  const left = applied.filter(({ outcome }) => outcome !== "mended").map(({ finding }) => finding.name);
  log(`removed ${applied.length - left.length} things that an earlier topology had left in the broker`);
  // Unbound, so nothing new comes in; what waits in them comes by feed as well.
  if (left.length > 0) log(`left ${left.length} queues there that may hold messages: ${left.join(", ")}`);
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
