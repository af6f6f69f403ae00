// deno-lint-ignore-file mesh/import-direction mesh/no-console -- A measurement starts its own server and prints.
import { systemClock, systemIds } from "@mesh/base";
import { startInfra } from "@mesh/testing/infra";
import { PostgresFixture } from "./conformance/postgres_subject.ts";
import { makeEvent, writing } from "./conformance/subject.ts";
import type { Store, StoredEvent } from "./store.ts";

/** 10: what a snapshot of an ordinary actor holds. */
const stateKeys = 10;

/**
 * What appending and loading cost, one call after the other on one connection: events alone, without inbox and outbox
 * (`commit_bench.ts` has whole turns), and actors of different ages, with and without a snapshot.
 *
 * `deno run --allow-all shared/store/append_bench.ts [rounds]`
 */
if (import.meta.main) {
  const rounds = Number(Deno.args[0] ?? 500);
  await using infra = await startInfra({ wants: ["postgres"] });
  await using fixture = await PostgresFixture.create(infra.postgres);
  const store = fixture.openStore({ poolMax: 1 });
  const history = historyIn(store);
  for (const count of [1, 64]) {
    print(`append ${count} events to as many streams`, await timed(rounds, () => history.append(count, 1)));
    print(`append ${count} events to one stream`, await timed(rounds, () => history.append(1, count)));
  }
  for (const [age, hasSnapshot] of [[1, false], [99, false], [1_000, false], [1_099, true], [100_099, true]] as const) {
    const stream = await history.grow(age, hasSnapshot);
    const name = `load one of ${age} events${hasSnapshot ? ", 99 of them behind a snapshot" : ""}`;
    print(name, await timed(rounds, () => store.loadStreams([stream], "1")));
  }
}

function historyIn(store: Store) {
  const ids = systemIds(systemClock);
  // As long as a signed envelope usually is.
  const some = { envelope: "e".repeat(1_000), data: { sku: "TEA-0001", units: 3 } };
  const state = Object.fromEntries(Array.from({ length: stateKeys }, (_, at) => [`field${at}`, at]));
  const commit = async (events: readonly StoredEvent[], isSnapshot = false) => {
    const firsts = events.filter(({ stream }, at) => events[at - 1]?.stream !== stream);
    const { stream, version } = events.at(-1)!;
    const { outcome } = await store.commit(writing({
      expected: firsts.map(({ stream, version }) => ({ stream, version: version - 1 })),
      events,
      snapshots: isSnapshot ? [{ stream, version, stateVersion: "1", state }] : [],
    }));
    if (outcome !== "committed") throw new Error("Cannot measure: nothing was committed");
  };
  const eventsOf = (stream: string, from: number, until: number) =>
    Array.from({ length: until - from + 1 }, (_, at) => makeEvent(ids, { stream, version: from + at }, some));
  return {
    append: async (streamCount: number, each: number) => {
      const streams = Array.from({ length: streamCount }, () => `inventory/${ids.next()}`);
      await commit(streams.flatMap((stream) => eventsOf(stream, 1, each)));
    },
    /** @returns The stream; its snapshot, if there is one, is as old as one becomes. */
    grow: async (age: number, hasSnapshot: boolean): Promise<string> => {
      const stream = `inventory/${ids.next()}`;
      const snapshotAt = hasSnapshot ? age - 99 : 0;
      for (let from = 1; from <= age;) {
        const until = from <= snapshotAt ? Math.min(from + 999, snapshotAt) : Math.min(from + 999, age);
        await commit(eventsOf(stream, from, until), until === snapshotAt);
        from = until + 1;
      }
      return stream;
    },
  };
}

async function timed(rounds: number, task: () => Promise<unknown>): Promise<readonly number[]> {
  const tookMs: number[] = [];
  for (let round = -rounds / 10; round < rounds; round += 1) {
    const startMs = systemClock.monotonicMs();
    await task();
    // The first tenth warms up.
    if (round >= 0) tookMs.push(systemClock.monotonicMs() - startMs);
  }
  return tookMs.toSorted((left, right) => left - right);
}

function print(name: string, tookMs: readonly number[]): void {
  const at = (share: number) => (tookMs[Math.floor(share * (tookMs.length - 1))] ?? 0).toFixed(2);
  console.log(`${name}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`);
}
