import { DefectError } from "@mesh/base";
import type postgres from "postgres";
import type { CommitResult, StoredDeadLetter, TurnWrites } from "../store.ts";
import { checkWrites } from "../writes.ts";
import { type CommitArguments, encodeWrites } from "./encode_writes.ts";
import type { Connection } from "./connection.ts";
import { isOvertaken, isRetryable, outOfStep, translateError } from "./translate_error.ts";

/** What else happens in the transaction of a commit. */
export interface CommitExtras {
  /** Statements of the service itself, before the turn's; may run again after a deadlock. */
  readonly participant?: (sql: postgres.TransactionSql) => Promise<void>;
  readonly settlements?: readonly { readonly id: string; readonly status: StoredDeadLetter["status"] }[];
}

/**
 * Commits a turn in one transaction; without a participant in one statement.
 *
 * @throws {UnavailableError} If the database is away or the outcome is unknown.
 * @throws {DefectError} If the writes contradict themselves. Whatever the participant throws, unchanged.
 */
export async function commitTurn(
  connection: Connection,
  writes: TurnWrites,
  extras: CommitExtras = {},
): Promise<CommitResult> {
  checkWrites(writes);
  const settlements = extras.settlements ?? [];
  const args = encodeWrites(writes, settlements);
  // A race is seen by a key that is taken and read out afterwards; the loser finds the winner, unless that one has
  // already been undone by a second race. More than two of those in a row are no race.
  for (let count = 1;; count += 1) {
    try {
      return await attemptCommit(connection, args, extras.participant);
    } catch (error) {
      if (error instanceof ParticipantFailure) throw error.reason;
      if (!isOvertaken(error)) throw translateError(error, "commit a turn");
      const conflict = await findConflict(connection, args);
      if (conflict !== undefined) return conflict;
      if (count >= 3) throw new DefectError("Cannot commit a turn: a key is taken", { cause: error });
    }
  }
}

/** Carries what a participant threw past the driver, so that it is not taken for a failure of the turn's own. */
class ParticipantFailure extends Error {
  readonly reason: unknown;
  constructor(reason: unknown) {
    super("a participant failed");
    this.reason = reason;
  }
}

/** Ends a transaction whose turn found a conflict. */
class Abandoned extends Error {
  readonly result: CommitResult;
  constructor(result: CommitResult) {
    super("a conflict was found");
    this.result = result;
  }
}

async function attemptCommit(
  connection: Connection,
  args: CommitArguments,
  participant: CommitExtras["participant"],
): Promise<CommitResult> {
  if (participant === undefined) {
    return await connection.attempt("commit a turn", (sql) => callCommit(sql, args));
  }
  try {
    return await connection.attempt("commit a turn", (sql) =>
      sql.begin(async (transaction) => {
        await participate(transaction, participant);
        const result = await callCommit(transaction, args);
        if (result.outcome === "conflict") throw new Abandoned(result);
        return result;
      })) as CommitResult;
  } catch (error) {
    if (error instanceof Abandoned) return error.result;
    throw error;
  }
}

async function participate(
  transaction: postgres.TransactionSql,
  participant: NonNullable<CommitExtras["participant"]>,
): Promise<void> {
  try {
    await participant(transaction);
  } catch (error) {
    // A deadlock is retried and an outage reported by the layers above; all else is the service's own affair.
    if (isRetryable(error) || translateError(error, "").name === "UnavailableError") throw error;
    throw new ParticipantFailure(error);
  }
}

interface CommitRow {
  readonly now_ms: number | null;
  readonly duplicates: readonly { messageId: string; consumer: string; isSameDigest: boolean }[] | null;
  readonly stale: readonly string[] | null;
}

async function callCommit(sql: postgres.ISql, args: CommitArguments): Promise<CommitResult> {
  const names = Object.keys(args);
  // Prepared once per set of parameters, of which there are as many as kinds of turns.
  const [row] = await sql.unsafe<CommitRow[]>(
    `select * from mesh.commit_turn(${names.map((name, at) => `p_${name} => $${at + 1}`).join(", ")})`,
    Object.values(args),
    { prepare: true },
  );
  // Nothing that is not surely the answer to this very call may pass for a commit, nor for a defect of the turn.
  if (row?.now_ms === undefined) throw outOfStep();
  if (row.now_ms !== null) return { outcome: "committed", nowMs: row.now_ms };
  return conflictFrom(row);
}

/** @returns `undefined` where nothing stands against the commit any more. */
async function findConflict(connection: Connection, args: CommitArguments): Promise<CommitResult | undefined> {
  const given = (name: keyof CommitArguments) => args[name] ?? "{}";
  const [row] = await connection.run("find what a commit conflicts with", (sql) =>
    sql<CommitRow[]>`
      select null::bigint as now_ms, c.* from mesh.find_conflicts(
        ${given("inbox_id")}::uuid[], ${given("inbox_consumer")}::text[], ${given("inbox_digest")}::text[],
        ${given("expected_stream")}::text[], ${given("expected_version")}::integer[],
        ${given("row_projection")}::text[], ${given("row_generation")}::integer[], ${given("row_key")}::text[],
        ${given("row_revision")}::integer[], ${given("settled_id")}::uuid[], ${given("ended_id")}::text[],
        ${given("ended_epoch")}::integer[], ${args.lane_version ?? null}::bigint
      ) as c`);
  return row === undefined || (row.duplicates === null && row.stale === null) ? undefined : conflictFrom(row);
}

function conflictFrom(row: CommitRow): CommitResult {
  return { outcome: "conflict", duplicates: row.duplicates ?? [], stale: row.stale ?? [] };
}
