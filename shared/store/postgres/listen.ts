import type { Connection } from "./connection.ts";

/** Ends listening when disposed of. */
export interface Listening extends AsyncDisposable {
  /** The channel. */
  readonly channel: string;
}

/**
 * Listens on a channel over a connection of its own, which the driver renews.
 *
 * @param onNotify Also called with an empty payload whenever the connection is there (again).
 */
export async function listen(
  connection: Connection,
  channel: string,
  onNotify: (payload: string) => void,
): Promise<Listening> {
  const listening = await connection.run(
    "listen for notifications",
    () => connection.listen(channel, onNotify, () => onNotify("")),
  );
  return {
    channel,
    [Symbol.asyncDispose]: () => connection.run("end listening", () => listening.unlisten()),
  };
}
