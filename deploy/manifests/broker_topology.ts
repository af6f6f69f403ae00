import { ConfigError } from "@mesh/base";
import { type BrokerTopology, definitionsOf } from "@mesh/broker";
import { vhost } from "../topology.ts";
import { broker, labelsOf, type Manifest, namespace } from "./cluster.ts";
import { brokerSecret } from "./secret_names.ts";

/** One thing of a definitions file. */
type Definition = Readonly<Record<string, unknown>>;

/**
 * Everything that the broker must hold, as resources of RabbitMQ's Messaging Topology Operator: the same definitions that
 * a development broker loads, in other words.
 *
 * @returns In the order in which nothing is lost if they are made one after the other: queues, then bindings, then rights,
 * of which those on topics come first (a user without any may publish with every key).
 * @throws {ConfigError} If two things would get the same name.
 */
export function topologyResources(topology: BrokerTopology): readonly Manifest[] {
  // Passwords come from secrets here; the definitions want some hash.
  const passwordHashes = Object.fromEntries(topology.users.map(({ name }) => [name, "-"]));
  const definitions = definitionsOf(topology, { vhost, passwordHashes });
  const resources = [
    resource("Vhost", vhost, { name: vhost, defaultQueueType: "quorum", deletionPolicy: "retain" }),
    ...definitions.exchanges.map(exchangeOf),
    ...definitions.policies.map(policyOf),
    ...definitions.queues.map(queueOf),
    ...definitions.bindings.map(bindingOf),
    ...topology.users.map(({ name }) =>
      resource("User", name, { importCredentialsSecret: { name: brokerSecret(name) } })
    ),
    ...definitions.topic_permissions.map(topicPermissionOf),
    ...definitions.permissions.map(permissionOf),
  ];
  const ids = resources.map(({ kind, metadata: { name } }) => `${kind} ${name}`);
  const twice = ids.filter((id, index) => ids.indexOf(id) !== index);
  if (twice.length > 0) throw new ConfigError(`Cannot name topology resources: there are two of ${twice.join(", ")}`);
  return resources;
}

function exchangeOf({ name, type, durable, auto_delete: autoDelete }: Definition): Manifest {
  return resource("Exchange", String(name), { name, vhost, type, durable, autoDelete });
}

function policyOf({ name, pattern, priority, definition, "apply-to": applyTo }: Definition): Manifest {
  return resource("Policy", String(name), { name, vhost, pattern, applyTo, priority, definition });
}

function queueOf({ name, durable, auto_delete: autoDelete, arguments: all }: Definition): Manifest {
  const { "x-queue-type": type, ...rest } = all as Definition;
  return resource("Queue", String(name), {
    name,
    vhost,
    type,
    durable,
    autoDelete,
    // Deleting a file must not delete messages.
    deletionPolicy: "retain",
    ...(Object.keys(rest).length === 0 ? {} : { arguments: rest }),
  });
}

function bindingOf({ source, destination, destination_type: destinationType, routing_key }: Definition): Manifest {
  const routingKey = String(routing_key);
  // What the pattern says besides wildcards: a type stands once in an intake, a slot once in a mailbox.
  const words = routingKey.split(".").filter((word) => word !== "*" && word !== "#").join(".");
  const name = `${destination}.from.${source}.${words === "" ? "all" : words}`;
  return resource("Binding", name, { vhost, source, destination, destinationType, routingKey });
}

function permissionOf({ user, configure, write, read }: Definition): Manifest {
  return resource("Permission", String(user), {
    vhost,
    userReference: { name: resourceName(String(user)) },
    permissions: { configure, write, read },
  });
}

function topicPermissionOf({ user, exchange, write, read }: Definition): Manifest {
  return resource("TopicPermission", `${user}.on.${exchange}`, {
    vhost,
    userReference: { name: resourceName(String(user)) },
    permissions: { exchange, write, read },
  });
}

function resource(kind: string, name: string, spec: Definition): Manifest {
  return {
    apiVersion: "rabbitmq.com/v1beta1",
    kind,
    metadata: { name: resourceName(name), namespace, labels: labelsOf(broker, "broker") },
    spec: { ...spec, rabbitmqClusterReference: { name: broker } },
  };
}

/** Names of resources are those of hosts: no dot is wanted, and no capital. */
function resourceName(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9-]+/g, "-");
}
