import type { HeldMessage, LaneState, LaneTable, ParkedMessage } from "../lane.ts";
import type { Connection } from "./connection.ts";

interface HeldRow {
  readonly message_id: string;
  readonly digest: string;
  readonly type: string;
  readonly correlation: string;
  readonly queue: string;
  readonly attempt: number;
  readonly user_id: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly envelope: string;
}

interface LaneRow extends HeldRow {
  readonly version: number;
  /** Null where there is no lane: the version stands alone then. */
  readonly lane: string | null;
  readonly state: LaneState;
  readonly reason: string;
  readonly dead_letter_id: string | null;
  readonly due_at_ms: number;
  readonly closed_at_ms: number;
  readonly parked_count: number;
}

/** Reads all lanes that are not open, and their version as of the same moment. */
export async function readLanes(connection: Connection): Promise<LaneTable> {
  const rows = await connection.run("read the lanes", (sql) =>
    sql<LaneRow[]>`
      select v.version, l.*, l.head as message_id,
        (select count(*) from mesh.parked p where p.lane = l.lane) as parked_count
      from mesh.lane_version v left join mesh.lane l on true
      order by l.closed_at_ms, l.lane`);
  return {
    version: rows[0]?.version ?? 0,
    lanes: rows.flatMap((row) =>
      row.lane === null ? [] : [{
        lane: row.lane,
        state: row.state,
        head: heldFrom(row),
        reason: row.reason,
        dueAtMs: row.due_at_ms,
        closedAtMs: row.closed_at_ms,
        parkedCount: row.parked_count,
        ...(row.dead_letter_id === null ? {} : { deadLetterId: row.dead_letter_id }),
      }]
    ),
  };
}

/** Reads what is parked in a lane, in the order in which it came. */
export async function readParked(
  connection: Connection,
  lane: string,
  limit: number,
): Promise<readonly ParkedMessage[]> {
  const rows = await connection.run(
    "read what is parked",
    (sql) => sql<HeldRow[]>`select * from mesh.parked where lane = ${lane} order by position limit ${limit}`,
  );
  return rows.map((row) => ({ lane, ...heldFrom(row) }));
}

function heldFrom(row: HeldRow): HeldMessage {
  return {
    messageId: row.message_id,
    digest: row.digest,
    type: row.type,
    correlation: row.correlation,
    queue: row.queue,
    attempt: row.attempt,
    userId: row.user_id,
    headers: row.headers,
    envelope: row.envelope,
  };
}
