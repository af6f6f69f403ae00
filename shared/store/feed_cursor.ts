import { ContractError } from "@mesh/base";

/** A place in a feed: behind which event. */
export interface FeedPosition {
  /** Life of the database that the cursor was given out in. */
  readonly epoch: number;
  /** Life in which the event was recorded. */
  readonly rowEpoch: number;
  /** Transaction that recorded it; decimal, beyond what a number holds. */
  readonly xid: string;
  readonly position: string;
}

/** Writes a cursor: `<epoch>.<row epoch>.<xid>.<position>`. */
export function encodeCursor({ epoch, rowEpoch, xid, position }: FeedPosition): string {
  return `${epoch}.${rowEpoch}.${xid}.${position}`;
}

/**
 * Reads a cursor.
 *
 * @param cursor Empty for the beginning.
 * @param epoch The feed's epoch now.
 * @throws {ContractError} With reason `"cursor-epoch"` if it is no cursor of this epoch: read from the beginning.
 */
export function decodeCursor(cursor: string, epoch: number): FeedPosition {
  if (cursor === "") return { epoch, rowEpoch: 0, xid: "0", position: "0" };
  const match = /^(\d{1,9})\.(\d{1,9})\.(\d{1,20})\.(\d{1,19})$/.exec(cursor);
  const [, cursorEpoch = "", rowEpoch = "", xid = "", position = ""] = match ?? [];
  const isReadable = match !== null && BigInt(xid) < 2n ** 64n && BigInt(position) < 2n ** 63n;
  if (!isReadable || Number(cursorEpoch) !== epoch) {
    throw new ContractError(`Cannot read a feed after ${JSON.stringify(cursor)}: no cursor of epoch ${epoch}`, {
      reason: "cursor-epoch",
    });
  }
  return { epoch, rowEpoch: Number(rowEpoch), xid, position };
}
