import { DefectError, type Json } from "@mesh/base";
import type { StreamState } from "../store.ts";
import type { Connection } from "./connection.ts";
import { sqlArray } from "./sql_array.ts";

interface StreamRow {
  readonly ordinal: number;
  readonly snapshot_version: number | null;
  readonly state: Json;
  readonly version: number | null;
  readonly type: string;
  readonly schema_version: number;
  readonly data: Json;
  readonly hash: string;
}

/** Loads actors: one statement, one consistent view of all of them. */
export async function loadStreams(
  connection: Connection,
  streams: readonly string[],
  stateVersion: string,
): Promise<readonly StreamState[]> {
  if (streams.length === 0) return [];
  const rows = await connection.run(
    "load streams",
    (sql) => sql<StreamRow[]>`select * from mesh.load_streams(${sqlArray(streams)}::text[], ${stateVersion})`,
  );
  const byStream = streams.map((): StreamRow[] => []);
  for (const row of rows) byStream[row.ordinal - 1]?.push(row);
  return streams.map((stream, at) => stateFrom(stream, byStream[at] ?? []));
}

function stateFrom(stream: string, rows: readonly StreamRow[]): StreamState {
  const last = rows.at(-1);
  const version = last?.version ?? 0;
  const snapshotVersion = last?.snapshot_version ?? 0;
  if (snapshotVersion > version) {
    throw new DefectError(
      `Cannot load "${stream}": its snapshot is of version ${snapshotVersion}, its events end before`,
    );
  }
  const events = rows.filter((row) => row.version !== null && row.version > snapshotVersion).map((row) => ({
    version: row.version!,
    type: row.type,
    schemaVersion: row.schema_version,
    data: row.data,
  }));
  const state = { stream, version, hash: last === undefined || version === 0 ? null : last.hash, events };
  return snapshotVersion === 0
    ? state
    : { ...state, snapshot: { version: snapshotVersion, state: rows[0]?.state ?? null } };
}
