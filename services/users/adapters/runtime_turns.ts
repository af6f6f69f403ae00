import type postgres from "postgres";
import type { Cause } from "@mesh/actor";
import type { AnyCommand } from "@mesh/contract";
import type { CommitResult, TurnWrites } from "@mesh/store";
import type { AccountTurns } from "../account_store.ts";
import { applyWrites } from "./apply_writes.ts";

/** Runs turns; the part of the runtime that is needed here. */
export interface TurnRunner {
  execute(
    command: AnyCommand,
    how: { readonly cause?: Cause; readonly commit: (writes: TurnWrites) => Promise<CommitResult> },
  ): Promise<unknown>;
}

/** Commits turns together with other statements; the part of the store that is needed here. */
export interface TurnCommitter {
  commitWith(
    writes: TurnWrites,
    participant: (sql: postgres.TransactionSql) => Promise<void>,
  ): Promise<CommitResult>;
}

/** Runs turns of the actor in the runtime; the service's rows are written in the turn's own transaction. */
export function runtimeTurns(runner: TurnRunner, store: TurnCommitter): AccountTurns {
  return {
    run: async (command, writes, cause) => {
      await runner.execute(command, {
        ...(cause === undefined ? {} : { cause }),
        commit: (turn) => store.commitWith(turn, (sql) => applyWrites(sql, writes)),
      });
    },
  };
}
