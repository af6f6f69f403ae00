import { definitionsOf } from "@mesh/broker";
import { services, shopTopology, vhost } from "../topology.ts";

/** Things that a management API lists. */
export type Items = Record<string, unknown>[];

/** A management API that holds the shop's topology, but for what a test changes. */
export function fakeManagement(change: (held: Record<string, Items>) => void = () => {}) {
  const { users, exchanges, queues, policies, bindings, permissions, topic_permissions } = definitionsOf(
    shopTopology(1),
    {
      vhost,
      passwordHashes: Object.fromEntries(services.map(({ name }) => [name, "hash"])),
    },
  ) as unknown as Record<string, Items>;
  const held: Record<string, Items> = {
    "/api/exchanges/{vhost}": exchanges!,
    "/api/queues/{vhost}": queues!.map((queue) => ({ ...queue, messages: 0 })),
    "/api/bindings/{vhost}": bindings!.map((binding) => ({ ...binding, properties_key: binding.routing_key })),
    "/api/policies/{vhost}": policies!,
    "/api/vhosts/{vhost}/permissions": permissions!,
    "/api/vhosts/{vhost}/topic-permissions": topic_permissions!,
    "/api/users": users!,
  };
  change(held);
  const calls: string[] = [];
  return {
    calls,
    user: "admin",
    call: (method: string, path: string) => {
      if (method === "GET") return Promise.resolve(held[path]);
      calls.push(`${method} ${path}`);
      return Promise.resolve(undefined);
    },
  };
}
