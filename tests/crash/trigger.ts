/** Decides when a planted point counts. */
export interface Trigger {
  /** Says that the process has caught up with its mailbox. */
  arm(): void;
  /** Says that the point was reached. @returns Whether this is the time. */
  reach(): boolean;
}

/** @param order See `PlantOrder`. */
export function triggerOf(order: { readonly passes: number; readonly waitsForCatchUp: boolean }): Trigger {
  let isArmed = !order.waitsForCatchUp;
  let left = order.passes;
  return {
    arm: () => isArmed = true,
    reach: () => isArmed && left-- === 0,
  };
}

/** Follows what a process holds of its mailbox. */
export interface Backlog {
  noteDelivery(channel: object): void;
  /** Says that an acknowledgement was written. @returns Whether the process has caught up by it, for the first time. */
  noteAck(channel: object, deliveryTag: number): boolean;
}

/** @param heldMax Deliveries without an acknowledgement with which a process counts as having caught up. */
export function backlogOf(heldMax: number): Backlog {
  const delivered = new Map<object, number>();
  let isOver = false;
  return {
    noteDelivery: (channel) => void delivered.set(channel, (delivered.get(channel) ?? 0) + 1),
    noteAck: (channel, deliveryTag) => {
      // Tags count up from 1 on each channel, and an acknowledgement is one for all before it.
      if (isOver || (delivered.get(channel) ?? 0) - deliveryTag > heldMax) return false;
      return isOver = true;
    },
  };
}
