/**
 * Contracts: one value is a message's schema, its type, its key and its constructor. Pure.
 *
 * @module
 */
export {
  type AnyContract,
  type CommandContract,
  type Contract,
  type ContractOptions,
  type DataOf,
  defineCommand,
  defineEvent,
  type EventContract,
  type MessageOf,
  parseData,
} from "./define.ts";
export {
  answering,
  type AnyCommand,
  type AnyEvent,
  type AnyMessage,
  type Message,
  type MessageKind,
  unanswering,
} from "./message.ts";
export { type ContractRegistry, contractRegistry } from "./registry.ts";
export {
  type Addressed,
  commandsExchange,
  type Destination,
  destinationOf,
  eventsExchange,
  slotOfKey,
  slotWord,
} from "./routing.ts";
export {
  compareLock,
  type ContractLock,
  extendLock,
  isBreaking,
  type LockedContract,
  type LockFinding,
  lockOf,
  renderLock,
} from "./schema_lock.ts";
export {
  defineService,
  type ExternalDependency,
  hasMailbox,
  type ServiceDefinition,
  type Subscription,
} from "./service.ts";
export {
  operatorEventType,
  outcomeCommandType,
  securityEventType,
  type SystemContracts,
  systemContracts,
  timerCommandType,
  utterancesOf,
} from "./system_types.ts";
