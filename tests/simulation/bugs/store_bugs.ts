import type { OutboxEntry } from "@mesh/store";
import type { SimulatedMesh } from "@mesh/testing/simulation";
import { type Bug, inResults, inStoreOf, inStores, inWrites, isUnknown } from "./bug.ts";

/** Mistakes about what is written, and what is made of the answer. */
export const storeBugs: readonly Bug[] = [
  {
    name: "inbox-forgotten",
    what: "handled messages are not noted",
    rule: "F22",
    plant: inWrites((writes) => ({ ...writes, inbox: [] })),
  },
  {
    name: "inbox-forgets-at-midnight",
    what: "the inbox is emptied every few seconds, as if its window were too short",
    rule: "F13",
    plant: () => ({ begin: forgetInboxes }),
  },
  {
    name: "undo-leaves-no-trace",
    what: "an undo does not write what it undoes into the inbox",
    rule: "F48",
    plant: inWrites((writes) => ({ ...writes, voided: [] })),
  },
  {
    name: "outbox-not-in-the-commit",
    what: "messages are published from memory and not committed with the turn",
    rule: "F12",
    plant: inWrites((writes) => ({ ...writes, outbox: [] })),
  },
  {
    name: "command-never-resent",
    what: "a command that the broker has confirmed is not sent again",
    rule: "section 4, outbox",
    plant: inStores((store) => ({
      claimOutbox: async (options) => (await store.claimOutbox(options)).filter(({ sentCount }) => sentCount === 0),
    })),
  },
  {
    name: "outbox-never-swept",
    what: "what a crash left in the outbox is not looked for",
    rule: "F6",
    plant: inStores(() => ({ claimOutbox: () => Promise.resolve([]) })),
  },
  {
    name: "answered-command-kept",
    what: "the row of a command stays when it has been answered or undone",
    rule: "section 4, outbox",
    plant: inWrites((writes) => ({ ...writes, answered: [] })),
  },
  {
    name: "version-not-asserted",
    what: "a turn appends to whatever the stream has become meanwhile",
    rule: "F52",
    plant: appendAnywhere,
  },
  {
    name: "conflict-taken-for-success",
    what: "a commit that a rival was faster with is taken for done",
    rule: "section 5, conflicts",
    plant: inResults((result) =>
      result.outcome === "conflict" && result.stale.length > 0 ? { outcome: "committed", nowMs: 0 } : result
    ),
  },
  {
    name: "conflict-names-nothing",
    what: "a conflict does not say which state was stale, so that it is decided on again",
    rule: "section 5, conflicts",
    plant: inResults((result) => result.outcome === "conflict" ? { ...result, stale: [] } : result),
  },
  {
    name: "unknown-commit-taken-for-success",
    what: "a commit whose answer was lost is taken for done",
    rule: "F7",
    plant: inStores((store) => ({
      commit: async (writes) => {
        try {
          return await store.commit(writes);
        } catch (error) {
          if (!isUnknown(error)) throw error;
          return { outcome: "committed", nowMs: await store.nowMs() };
        }
      },
    })),
  },
  {
    name: "snapshot-skips-an-event",
    what: "a state is built from its snapshot and the events after the next",
    rule: "F54",
    plant: inStores((store) => ({
      loadStreams: async (streams, version) =>
        (await store.loadStreams(streams, version)).map((state) =>
          state.snapshot === undefined ? state : { ...state, events: state.events.slice(1) }
        ),
    })),
  },
  {
    name: "chain-begins-anew",
    what: "after a restart an event does not name the one before it",
    rule: "F58",
    plant: inStores((store) => ({
      loadStreams: async (streams, version) =>
        (await store.loadStreams(streams, version)).map((state) => ({ ...state, hash: null })),
    })),
  },
  {
    name: "timer-never-fires",
    what: "nobody looks for timers that are due",
    rule: "F50",
    plant: inStores(() => ({ readDueTimers: () => Promise.resolve([]) })),
  },
  {
    name: "timer-fired-and-forgotten",
    what: "a timer is marked as fired and its command is not kept",
    rule: "F50",
    plant: forgetFirings,
  },
  {
    name: "effect-given-up",
    what: "a call whose outcome is unknown is not tried again",
    rule: "F55",
    plant: inStores((store) => ({
      releaseEffect: (effect, release) => store.releaseEffect(effect, { ...release, retryInMs: 86_400_000 }),
    })),
  },
  {
    name: "idempotency-key-ignored",
    what: "a customer's repeated request is another request",
    rule: "F15",
    plant: inStoreOf("gateway", (store) => ({
      commit: (writes) =>
        store.commit({ ...writes, inbox: writes.inbox.filter(({ consumer }) => consumer !== "requests") }),
    })),
  },
  {
    name: "row-forgets-its-positions",
    what: "a read model does not keep how far it has come",
    rule: "F29",
    plant: inStoreOf("gateway", (store) => ({
      commit: (writes) => store.commit({ ...writes, rows: writes.rows.map((row) => ({ ...row, seen: {} })) }),
    })),
  },
];

function forgetInboxes(mesh: SimulatedMesh, simulated: Parameters<NonNullable<ReturnType<Bug["plant"]>["begin"]>>[1]) {
  const { scheduler } = simulated;
  const everyMs = 3_000;
  const forget = () => {
    for (const { database } of mesh.databases.values()) {
      for (const name of database.tables.inbox.keys()) {
        // What customers asked for is not the mailbox's.
        if (!name.includes("requests")) database.tables.inbox.delete(name);
      }
    }
    scheduler.after(everyMs, undefined, forget);
  };
  scheduler.after(everyMs, undefined, forget);
}

function appendAnywhere(): ReturnType<Bug["plant"]> {
  let mesh: SimulatedMesh | undefined;
  return {
    begin: (begun) => mesh = begun,
    substitutes: {
      store: (store, process) => ({
        ...store,
        commit: (writes) => {
          const { streams } = mesh!.databases.get(process.service)!.database.tables;
          const shifts = new Map(
            writes.expected.map(({ stream, version }) => [stream, (streams.get(stream)?.length ?? 0) - version]),
          );
          return store.commit({
            ...writes,
            expected: writes.expected.map((one) => ({ ...one, version: one.version + shifts.get(one.stream)! })),
            events: writes.events.map((one) => ({ ...one, version: one.version + shifts.get(one.stream)! })),
          });
        },
      }),
    },
  };
}

function forgetFirings(): ReturnType<Bug["plant"]> {
  let mesh: SimulatedMesh | undefined;
  return {
    begin: (begun) => mesh = begun,
    substitutes: {
      store: (store, process) => ({
        ...store,
        fireTimers: async (firings): Promise<readonly OutboxEntry[]> => {
          const { outbox } = mesh!.databases.get(process.service)!.database.tables;
          for (const { id } of await store.fireTimers(firings)) outbox.delete(id);
          return [];
        },
      }),
    },
  };
}
