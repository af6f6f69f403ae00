import { z } from "zod";
import type { ManagementClient } from "./management.ts";

const exchange = z.object({ name: z.string(), type: z.string(), durable: z.boolean() });
const queue = z.object({
  name: z.string(),
  durable: z.boolean(),
  arguments: z.record(z.string(), z.unknown()),
  /** Absent until the broker has counted, and while the queue has no leader. */
  messages: z.number().optional(),
});
const binding = z.object({
  source: z.string(),
  destination: z.string(),
  destination_type: z.enum(["queue", "exchange"]),
  routing_key: z.string(),
  properties_key: z.string(),
});
const policy = z.object({
  name: z.string(),
  pattern: z.string(),
  "apply-to": z.string(),
  priority: z.number(),
  definition: z.record(z.string(), z.unknown()),
});
const permission = z.object({ user: z.string(), configure: z.string(), write: z.string(), read: z.string() });
const topicPermission = z.object({ user: z.string(), exchange: z.string(), write: z.string(), read: z.string() });
const user = z.object({ name: z.string() });

/** What a broker holds at this moment, in the words of its management API. */
export interface LiveTopology {
  /** Without the broker's own (`amq.*` and the default exchange). */
  readonly exchanges: readonly z.output<typeof exchange>[];
  readonly queues: readonly z.output<typeof queue>[];
  /** Without those of the default exchange. */
  readonly bindings: readonly z.output<typeof binding>[];
  readonly policies: readonly z.output<typeof policy>[];
  readonly permissions: readonly z.output<typeof permission>[];
  readonly topicPermissions: readonly z.output<typeof topicPermission>[];
  /** Names of all users of the server, other vhosts' included. */
  readonly users: readonly string[];
}

/**
 * Reads what a broker holds.
 *
 * @throws {UnavailableError} If the management API does not answer.
 */
export async function readLiveTopology(client: ManagementClient): Promise<LiveTopology> {
  const list = async <Item extends z.ZodType>(item: Item, path: string) =>
    z.array(item).parse(await client.call("GET", path));
  const [exchanges, queues, bindings, policies, permissions, topicPermissions, users] = await Promise.all([
    list(exchange, "/api/exchanges/{vhost}"),
    list(queue, "/api/queues/{vhost}"),
    list(binding, "/api/bindings/{vhost}"),
    list(policy, "/api/policies/{vhost}"),
    list(permission, "/api/vhosts/{vhost}/permissions"),
    list(topicPermission, "/api/vhosts/{vhost}/topic-permissions"),
    list(user, "/api/users"),
  ]);
  return {
    exchanges: exchanges.filter(({ name }) => name !== "" && !name.startsWith("amq.")),
    queues,
    bindings: bindings.filter(({ source }) => source !== ""),
    policies,
    permissions,
    topicPermissions,
    users: users.map(({ name }) => name),
  };
}
