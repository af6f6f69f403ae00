/**
 * What it costs to bring an actor back into memory from what the store holds: from its events alone, and from a snapshot
 * with as many events as follow one at most. `shared/store/append_bench.ts` has the database's part.
 *
 * `deno bench shared/runtime/replay_bench.ts`
 *
 * @module
 */
import { behaviourOf, defineActor } from "@mesh/actor";
import type { StreamState } from "@mesh/store";
import { defaultSettings } from "./settings.ts";
import { foldStream } from "./state_cache.ts";
import { Count, Counted } from "./test_world.ts";

const behaviour = behaviourOf(defineActor({
  name: "counter",
  accepts: { Count },
  records: { Counted },
  initialState: (): { readonly total: number } => ({ total: 0 }),
  decide: { Count: ({ total }, { id }) => Counted({ id, total: total + 1 }) },
  evolve: { Counted: (state, { total }) => ({ ...state, total }) },
}));

function stored(eventCount: number, snapshotVersion = 0): StreamState {
  const { type, version: schemaVersion } = Counted;
  const events = Array.from({ length: eventCount }, (_, at) => {
    const version = snapshotVersion + at + 1;
    return { version, type, schemaVersion, data: { id: "thing", total: version } };
  });
  const state = { stream: "counter/thing", version: snapshotVersion + eventCount, hash: "hash", events };
  return snapshotVersion === 0
    ? state
    : { ...state, snapshot: { version: snapshotVersion, state: { total: snapshotVersion } } };
}

const { snapshotEvery } = defaultSettings;
const young = stored(snapshotEvery - 1);
const old = stored(snapshotEvery - 1, 100_000);
const thousand = stored(1_000);

Deno.bench(`replay: a new actor's ${snapshotEvery - 1} events`, { group: "replay", baseline: true }, () => {
  foldStream(behaviour, "thing", young);
});

Deno.bench(`replay: a snapshot of version 100,000 and ${snapshotEvery - 1} events`, { group: "replay" }, () => {
  foldStream(behaviour, "thing", old);
});

Deno.bench("replay: 1,000 events without a snapshot", { group: "replay" }, () => {
  foldStream(behaviour, "thing", thousand);
});
