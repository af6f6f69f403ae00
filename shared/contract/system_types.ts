import { z } from "zod";
import { type CommandContract, defineCommand, defineEvent, type EventContract } from "./define.ts";
import type { ServiceDefinition } from "./service.ts";

/** Messages that the mesh itself says in the name of a service. */
export interface SystemContracts {
  /** Command of a service to itself: the deadline of one of its actors has come. */
  readonly FireTimer: CommandContract;
  /** Command of a service to itself: an effect has a definite outcome. */
  readonly RecordOutcome: CommandContract;
  /** A message was refused as unproven and put into quarantine. */
  readonly SecurityRejected: EventContract;
  /** An operator did something through the internal port. */
  readonly OperatorActed: EventContract;
}

/** @returns Type of the command that tells one of the service's actors that its deadline has come. */
export function timerCommandType(service: string): string {
  return `${service}.fire-timer`;
}

/** @returns Type of the command that brings an effect's outcome back to its actor. */
export function outcomeCommandType(service: string): string {
  return `${service}.record-outcome`;
}

/** @returns Type of the event that reports a message in quarantine. */
export function securityEventType(service: string): string {
  return `${service}.security-rejected`;
}

/** @returns Type of the event that reports what an operator did. */
export function operatorEventType(service: string): string {
  return `${service}.operator-acted`;
}

/**
 * Makes the mesh's own contracts of one service. The same values for the same name, so that registries accept them.
 *
 * @param service The service's name.
 */
export function systemContracts(service: string): SystemContracts {
  const known = made.get(service);
  if (known !== undefined) return known;
  const contracts: SystemContracts = Object.freeze({
    FireTimer: defineCommand(timerCommandType(service), {
      version: 1,
      schema: z.object({ key: Key, dueAtMs: z.int() }),
      key: ({ key }) => key,
    }),
    RecordOutcome: defineCommand(outcomeCommandType(service), {
      version: 1,
      schema: z.object({ key: Key, effect: z.string(), effectId: z.string(), outcome: z.unknown() }),
      key: ({ key }) => key,
    }),
    SecurityRejected: defineEvent(securityEventType(service), {
      version: 1,
      schema: z.object({
        log: Key,
        deadLetterId: z.string(),
        reason: z.string(),
        digest: z.string(),
        queue: z.string(),
        userId: z.string(),
      }),
      key: ({ log }) => log,
    }),
    OperatorActed: defineEvent(operatorEventType(service), {
      version: 1,
      schema: z.object({
        log: Key,
        action: z.string(),
        reason: z.string(),
        subjects: z.array(z.string()).max(1000),
      }),
      key: ({ log }) => log,
    }),
  });
  made.set(service, contracts);
  return contracts;
}

/**
 * Lists everything that a service may say: its own events, the commands it sends, and the mesh's messages in its name.
 *
 * @param service The service's definition.
 */
export function utterancesOf(service: ServiceDefinition): {
  readonly events: readonly EventContract[];
  readonly commands: readonly CommandContract[];
} {
  const { FireTimer, RecordOutcome, SecurityRejected, OperatorActed } = systemContracts(service.name);
  return {
    events: [...service.publishes, SecurityRejected, OperatorActed],
    commands: [...service.sends, ...(service.commandsItself === true ? [FireTimer, RecordOutcome] : [])],
  };
}

const Key = z.string().min(1).max(200);
const made = new Map<string, SystemContracts>();
