import { type AnyContract, type Destination, type ServiceDefinition, systemContracts } from "@mesh/contract";

/** A service as the receiver of messages: its name and its subscription table. */
export interface Receiver {
  readonly service: string;
  /**
   * Says whether a binding of this service's mailbox takes what was published there. The table is the service's own: where
   * a message was delivered proves nothing, because anyone with rights on a queue could have moved it.
   *
   * @param destination Already known to follow from type, version, key and correlation.
   */
  subscribes(destination: Destination, message: { readonly type: string; readonly version: number }): boolean;
}

/**
 * Derives a receiver's subscription table from the service's definition. All slots are taken: which replica holds a slot
 * changes, whom a message is for does not.
 *
 * @param service The receiving service.
 */
export function receiverOf(service: ServiceDefinition): Receiver {
  const { name, accepts, subscribes, commandsItself } = service;
  const { FireTimer, RecordOutcome } = systemContracts(name);
  const taken: readonly AnyContract[] = [
    ...accepts,
    ...subscribes.map(({ event }) => event),
    ...(commandsItself === true ? [FireTimer, RecordOutcome] : []),
  ];
  const stems = new Map<string, Map<number, string>>();
  for (const { type, version } of taken) {
    const byVersion = stems.get(type) ?? new Map<number, string>();
    stems.set(type, byVersion.set(version, `${type}.v${version}.`));
  }
  return Object.freeze({
    service: name,
    subscribes: (
      { routingKey }: Destination,
      { type, version }: { readonly type: string; readonly version: number },
    ) => {
      const stem = stems.get(type)?.get(version);
      return stem !== undefined && routingKey.startsWith(stem);
    },
  });
}
