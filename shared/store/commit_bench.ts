// deno-lint-ignore-file mesh/import-direction mesh/no-console -- A measurement starts its own server and prints.
import { systemClock, systemIds } from "@mesh/base";
import { startInfra } from "@mesh/testing/infra";
import { PostgresFixture } from "./conformance/postgres_subject.ts";
import { handled, makeEvent, publishing, writing } from "./conformance/subject.ts";
import type { Store, TurnWrites } from "./store.ts";

/**
 * How fast turns commit and load, one call after the other on one connection: full turns, each message with its inbox
 * entry, event, answer, outbox row and the confirm of an earlier one.
 *
 * `deno run --allow-all shared/store/commit_bench.ts`
 */
if (import.meta.main) {
  await using infra = await startInfra({ wants: ["postgres"] });
  await using fixture = await PostgresFixture.create(infra.postgres);
  const store = fixture.openStore({ poolMax: 1 });
  for (const [messageCount, turnCount] of [[1, 2_000], [64, 300]] as const) {
    const { commitsMs, loadsMs } = await measure(store, messageCount, turnCount);
    console.log(`commit a turn of ${messageCount}: ${summary(commitsMs, messageCount)}`);
    console.log(`load ${messageCount} actors: ${summary(loadsMs, messageCount)}`);
  }
}

async function measure(store: Store, messageCount: number, turnCount: number) {
  const nextTurn = turnMaker(messageCount);
  const commitsMs: number[] = [];
  const loadsMs: number[] = [];
  for (let count = -turnCount / 10; count < turnCount; count += 1) {
    const turn = nextTurn();
    const startMs = systemClock.monotonicMs();
    const { outcome } = await store.commit(turn);
    const committedMs = systemClock.monotonicMs();
    const states = await store.loadStreams(turn.expected.map(({ stream }) => stream), "1");
    const loadedMs = systemClock.monotonicMs();
    if (outcome !== "committed" || states[0]?.version !== 1) throw new Error("Cannot measure: nothing was committed");
    // The first tenth warms up.
    if (count < 0) continue;
    commitsMs.push(committedMs - startMs);
    loadsMs.push(loadedMs - committedMs);
  }
  return { commitsMs, loadsMs };
}

function turnMaker(messageCount: number): () => TurnWrites {
  const ids = systemIds(systemClock);
  // As long as a signed envelope usually is.
  const envelope = "e".repeat(1_000);
  let confirmed: readonly string[] = [];
  return () => {
    const messageIds = Array.from({ length: messageCount }, () => ids.next());
    const some = { envelope, data: { sku: "TEA-0001", units: 3 } };
    const events = messageIds.map((id) =>
      makeEvent(ids, { stream: `inventory/${id}`, version: 1 }, { re: [id], ...some })
    );
    const outbox = events.map((event) => publishing(ids, event));
    const turn = writing({
      inbox: messageIds.map((id) => handled(id)),
      expected: events.map(({ stream }) => ({ stream, version: 0 })),
      events,
      outbox,
      confirmed,
    });
    confirmed = outbox.map(({ id }) => id);
    return turn;
  };
}

function summary(durationsMs: readonly number[], messageCount: number): string {
  const sorted = [...durationsMs].sort((left, right) => left - right);
  const at = (share: number) => (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(2);
  const totalMs = durationsMs.reduce((sum, durationMs) => sum + durationMs, 0);
  const rate = Math.round(1_000 * durationsMs.length * messageCount / totalMs);
  return `${rate} messages/s, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`;
}
