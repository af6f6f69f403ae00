import type { UserSpec } from "./topology.ts";

/** What a user may do, as RabbitMQ judges it. */
export interface MemoryRights {
  mayRead(queue: string): boolean;
  mayWrite(exchange: string, routingKey: string): boolean;
}

/** Compiles a user's rights. Where no topic right is named for an exchange, every key is allowed, as on RabbitMQ. */
export function rightsOf({ read, write, topicWrite }: UserSpec): MemoryRights {
  const readable = new RegExp(read);
  const writable = new RegExp(write);
  const keys = new Map(Object.entries(topicWrite).map(([exchange, pattern]) => [exchange, new RegExp(pattern)]));
  return {
    mayRead: (queue) => readable.test(queue),
    mayWrite: (exchange, routingKey) =>
      writable.test(exchange === "" ? "amq.default" : exchange) && keys.get(exchange)?.test(routingKey) !== false,
  };
}
