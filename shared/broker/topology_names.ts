/** The exchange that takes what the broker itself dead-letters; its routing key is the service's name. */
export const deadExchange = "mesh.dead";

/** Waits before attempts 2, 3, 4 and 5 and later, in milliseconds; each is one exchange and one queue per service. */
export const defaultTiersMs: readonly number[] = Object.freeze([1_000, 10_000, 60_000, 600_000]);

/** @returns Name of the queue that holds one partition of a service's mailbox. */
export function mailboxQueue(service: string, partition: number): string {
  return `${service}.in.p${partition}`;
}

/** @returns Name of the queue that takes what the broker dead-letters from the service's mailbox. */
export function deadQueue(service: string): string {
  return `${service}.dead`;
}

/** @returns Name of the queue where the service's messages wait for their next attempt. */
export function retryQueue(service: string, delayMs: number): string {
  return `${service}.retry.${delayMs}`;
}

/** @returns Name of the exchange that a message is published to, to come back after `delayMs`. */
export function retryExchange(delayMs: number): string {
  return `mesh.retry.${delayMs}`;
}

/** @returns Name of the intake exchange that spreads messages by the slot of their own key. */
export function keyIntake(service: string): string {
  return `${service}.by-key`;
}

/** @returns Name of the intake exchange that spreads messages by the slot of their correlation. */
export function correlationIntake(service: string): string {
  return `${service}.by-cor`;
}

/**
 * Says which partition holds a slot.
 *
 * @param slot 0 to 63.
 * @param partitions 1 to 64.
 */
export function partitionOfSlot(slot: number, partitions: number): number {
  return slot % partitions;
}
