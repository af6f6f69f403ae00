import {
  type BrokerTopology,
  definitionsOf,
  hashPassword,
  type ManagementClient,
  readLiveTopology,
  topologyDiff,
  type TopologyFinding,
} from "@mesh/broker";
import { CliError, exitCodes } from "@mesh/cli";

/** A broker's management, as far as loading needs it. */
export type Loading = Pick<ManagementClient, "call" | "user" | "vhost" | "createVhost" | "importDefinitions">;

/** What was loaded into a broker. */
export interface Loaded {
  /** Users that were made; the others were there. */
  readonly users: readonly string[];
  readonly queueCount: number;
  readonly bindingCount: number;
  /** What still differs afterwards and is not foreign. */
  readonly left: readonly TopologyFinding[];
}

/**
 * Loads a topology into a broker that lacks part or all of it: vhost, users, queues, bindings, rights, in the order in which
 * nothing is lost. What is there stays, so that repeats do no harm.
 *
 * @param passwordOf Finds the password of a user that is missing.
 * @throws {CliError} If a user is missing and nobody knows its password; nothing was changed then.
 * @throws {UnavailableError} If the broker does not answer.
 */
export async function loadTopology(
  client: Loading,
  topology: BrokerTopology,
  passwordOf: (user: string) => Promise<string | undefined>,
): Promise<Loaded> {
  const known = await client.call("GET", "/api/users") as readonly { readonly name: string }[];
  const missing = topology.users.map(({ name }) => name).filter((name) => !known.some((user) => user.name === name));
  const passwords = await Promise.all(missing.map(async (name) => [name, await passwordOf(name)] as const));
  const unknown = passwords.filter(([, password]) => password === undefined).map(([name]) => name);
  if (unknown.length > 0) {
    throw new CliError(
      exitCodes.failed,
      `Cannot make the broker's users ${unknown.join(", ")}: their passwords are unknown; ` +
        "name their folder in MESH_PASSWORDS_FOLDER, or make the users first",
    );
  }
  const hashes = passwords.map(([name, password]) => [name, hashPassword(password!, newSalt())]);
  // A user that is there keeps its password; only a definitions file would need one.
  const kept = topology.users.map(({ name }) => [name, ""]);
  const definitions = definitionsOf(topology, {
    vhost: client.vhost,
    passwordHashes: Object.fromEntries([...kept, ...hashes]),
  });
  await client.createVhost();
  await client.importDefinitions({
    ...definitions,
    users: definitions.users.filter(({ name }) => missing.includes(name as string)),
  });
  const found = topologyDiff(topology, await readLiveTopology(client as ManagementClient), { caller: client.user });
  return {
    users: missing,
    queueCount: definitions.queues.length,
    bindingCount: definitions.bindings.length,
    left: found.filter(({ state }) => state !== "foreign"),
  };
}

function newSalt(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(4));
}
