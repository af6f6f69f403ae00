/**
 * The broker: its port, its topology as data, and the adapters for RabbitMQ and for memory.
 *
 * @module
 */
export { type AmqpBrokerOptions, connectBroker } from "./amqp_broker.ts";
export { bundleContentType, type BundledMessage, decodeBundle } from "./bundle.ts";
export type {
  BrokerLogger,
  ConsumeChannel,
  ConsumeListener,
  PublishChannel,
  Transport,
  TransportSession,
} from "./transport.ts";
export { bundleKeyOf } from "./bundle_key.ts";
export { consumerPriorities } from "./consumer_priority.ts";
export type {
  Broker,
  Consumer,
  ConsumerOptions,
  Delivery,
  OutgoingMessage,
  Publisher,
  PublisherOptions,
  PublishOutcome,
  QueueClaim,
  TopologyTarget,
} from "./broker.ts";
export { bodyBytesMax, brokerError, type BrokerReason } from "./refusal.ts";
export { attemptsMax, retryDelayMs } from "./retry_policy.ts";
export { brokerTopology, type TopologyOptions } from "./service_topology.ts";
export { subscriptionTable } from "./subscription_table.ts";
export { topicMatches } from "./topic_pattern.ts";
export type { BindingSpec, BrokerTopology, ExchangeSpec, PolicySpec, QueueSpec, UserSpec } from "./topology.ts";
export {
  correlationIntake,
  deadExchange,
  deadQueue,
  defaultTiersMs,
  keyIntake,
  mailboxQueue,
  partitionOfSlot,
  retryExchange,
  retryQueue,
} from "./topology_names.ts";
export { type Definitions, definitionsOf, type DefinitionsOptions, hashPassword } from "./definitions.ts";
export { connectOver, type LinkedBrokerOptions } from "./linked_broker.ts";
export { ManagementClient, type ManagementOptions } from "./management.ts";
export { MemoryBrokerServer, type MemoryBrokerServerOptions } from "./memory_broker_server.ts";
export type { MemoryFaults } from "./memory_faults.ts";
export type { StoredMessage } from "./memory_queue.ts";
export { seededRandom } from "./seeded_random.ts";
export { type LiveTopology, readLiveTopology } from "./live_topology.ts";
export { type AppliedFinding, applyTopology, detachedTopology } from "./topology_apply.ts";
export type { TopologyDiffOptions } from "./rights_diff.ts";
export { topologyDiff } from "./topology_diff.ts";
export type { TopologyChange, TopologyFinding } from "./topology_finding.ts";
