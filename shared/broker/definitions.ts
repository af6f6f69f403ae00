import { createHash } from "node:crypto";
import { Buffer } from "node:buffer";
import { ConfigError, invariant } from "@mesh/base";
import type { BindingSpec, BrokerTopology, PolicySpec, QueueSpec, UserSpec } from "./topology.ts";

/** What a definitions file needs besides the topology. */
export interface DefinitionsOptions {
  readonly vhost: string;
  /** By user name, each made by {@link hashPassword}. */
  readonly passwordHashes: Readonly<Record<string, string>>;
}

/** A RabbitMQ definitions file, as `load_definitions` and `POST /api/definitions` take it. */
export interface Definitions {
  readonly vhosts: readonly { readonly name: string }[];
  readonly users: readonly Readonly<Record<string, unknown>>[];
  readonly permissions: readonly Readonly<Record<string, unknown>>[];
  readonly topic_permissions: readonly Readonly<Record<string, unknown>>[];
  readonly policies: readonly Readonly<Record<string, unknown>>[];
  readonly exchanges: readonly Readonly<Record<string, unknown>>[];
  readonly queues: readonly Readonly<Record<string, unknown>>[];
  readonly bindings: readonly Readonly<Record<string, unknown>>[];
}

/**
 * Writes a topology as RabbitMQ definitions. Importing them again changes nothing.
 *
 * Before 4.2 the 4.x brokers fail to import topic permissions from a file; `ManagementClient` sets those one by one.
 *
 * @throws {ConfigError} If a user of the topology has no password hash; the message names all of them.
 */
export function definitionsOf(topology: BrokerTopology, { vhost, passwordHashes }: DefinitionsOptions): Definitions {
  const without = topology.users.filter(({ name }) => passwordHashes[name] === undefined).map(({ name }) => name);
  if (without.length > 0) throw new ConfigError(`Cannot write definitions: no password for ${without.join(", ")}`);
  return {
    vhosts: [{ name: vhost }],
    users: topology.users.map(({ name }) => ({ name, ...userBody(passwordHashes[name]!) })),
    permissions: topology.users.map((user) => ({ user: user.name, vhost, ...permissionOf(user) })),
    topic_permissions: topology.users.flatMap((user) =>
      topicPermissionsOf(user).map((permission) => ({ user: user.name, vhost, ...permission }))
    ),
    policies: topology.policies.map((policy) => ({ vhost, name: policy.name, ...policyBody(policy) })),
    exchanges: topology.exchanges.map(({ name }) => ({ vhost, name, ...exchangeBody })),
    queues: topology.queues.map((queue) => ({ vhost, name: queue.name, ...queueBody(queue) })),
    bindings: topology.bindings.map((binding) => ({ vhost, ...bindingBody(binding) })),
  };
}

/**
 * Hashes a password the way RabbitMQ stores it (`rabbit_password_hashing_sha256`).
 *
 * @param salt 4 random bytes, fresh for each password.
 * @returns base64 of salt and digest.
 * @see https://www.rabbitmq.com/docs/passwords
 *
 * @example The example of RabbitMQ's manual
 * ```ts
 * import { strictEqual as assertEquals } from "node:assert/strict";
 * import { hashPassword } from "@mesh/broker";
 *
 * assertEquals(hashPassword("test12", new Uint8Array([0x90, 0x8d, 0xc6, 0x0a])),
 *   "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR");
 * ```
 */
export function hashPassword(password: string, salt: Uint8Array): string {
  invariant(salt.byteLength === 4, `Cannot hash password: salt has ${salt.byteLength} bytes, not 4`);
  const digest = createHash("sha256").update(salt).update(password).digest();
  return Buffer.concat([salt, digest]).toString("base64");
}

/** What every exchange of the mesh is. */
export const exchangeBody = Object.freeze({
  type: "topic",
  durable: true,
  auto_delete: false,
  internal: false,
  arguments: {},
});

/** A queue as the management API takes it; only what cannot be a policy is an argument. */
export function queueBody({ isSingleActiveConsumer }: QueueSpec): Readonly<Record<string, unknown>> {
  return {
    durable: true,
    auto_delete: false,
    arguments: {
      "x-queue-type": "quorum",
      ...(isSingleActiveConsumer ? { "x-single-active-consumer": true } : {}),
    },
  };
}

/** A binding as the management API takes it. */
export function bindingBody({ source, destination, destinationType, pattern }: BindingSpec): Record<string, unknown> {
  return { source, destination, destination_type: destinationType, routing_key: pattern, arguments: {} };
}

/**
 * A policy as the management API takes it.
 *
 * Dead-lettering is at least once everywhere, which needs `reject-publish`; without a length limit that rejects nothing.
 */
export function policyBody(policy: PolicySpec): Readonly<Record<string, unknown>> {
  const { pattern, deliveryLimit, deadLetterExchange, deadLetterRoutingKey, messageTtlMs } = policy;
  return {
    pattern,
    "apply-to": "queues",
    priority: 0,
    definition: {
      overflow: "reject-publish",
      ...(deliveryLimit === undefined ? {} : { "delivery-limit": deliveryLimit }),
      ...(messageTtlMs === undefined ? {} : { "message-ttl": messageTtlMs }),
      ...(deadLetterExchange === undefined
        ? {}
        : { "dead-letter-exchange": deadLetterExchange, "dead-letter-strategy": "at-least-once" }),
      ...(deadLetterRoutingKey === undefined ? {} : { "dead-letter-routing-key": deadLetterRoutingKey }),
    },
  };
}

/** A user as the management API takes it; without any tag, so it may not use that API. */
export function userBody(passwordHash: string): Readonly<Record<string, string>> {
  return { password_hash: passwordHash, hashing_algorithm: "rabbit_password_hashing_sha256", tags: "" };
}

/** A user's rights as the management API takes them; nobody declares anything. */
export function permissionOf({ read, write }: UserSpec): Readonly<Record<string, string>> {
  return { configure: "^$", write, read };
}

/** A user's topic rights as the management API takes them, one entry per exchange. */
export function topicPermissionsOf({ topicWrite }: UserSpec): readonly Readonly<Record<string, string>>[] {
  return Object.entries(topicWrite).map(([exchange, write]) => ({ exchange, write, read: "^$" }));
}
