import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { UnavailableError } from "@mesh/base";
import type { LaneTable, LaneWrites, StoredLane } from "@mesh/store";
import fc from "fast-check";
import { closedLanes, laneChanges, sortByLane } from "./lane_order.ts";
import type { Work } from "./work.ts";

const laneOf = ({ subject }: Work) => subject === "" ? undefined : subject;

function workOf(id: string, lane: string, some: Partial<Work> = {}): Work {
  return { received: { id, type: "t", correlation: "c" }, digest: id, subject: lane, token: id, ...some } as Work;
}

/** A store's lanes as its port promises them, in a few lines; the adapters have a suite of their own. */
function openModel() {
  const lanes = new Map<string, { readonly head: string; readonly isReleasing: boolean }>();
  const parked = new Map<string, { readonly id: string; readonly lane: string }>();
  const parkedIn = (lane: string) => [...parked.values()].filter((found) => found.lane === lane);
  return {
    lanes,
    parked,
    parkedIn,
    table: (): LaneTable => ({
      version: 0,
      lanes: [...lanes].map(([lane, { head, isReleasing }]) =>
        laneOfHead(lane, head, isReleasing ? "releasing" : "retry")
      ),
    }),
    write: (changes: Omit<LaneWrites, "version">): void => {
      for (const { lane, messageId } of changes.closed) lanes.set(lane, { head: messageId, isReleasing: false });
      for (const { messageId } of changes.unparked) parked.delete(messageId);
      for (const { lane, messageId } of changes.parked) parked.set(messageId, { id: messageId, lane });
      for (const lane of changes.opened) lanes.set(lane, { ...lanes.get(lane)!, isReleasing: true });
      for (const [lane, { isReleasing }] of lanes) {
        if (isReleasing && parkedIn(lane).length === 0) lanes.delete(lane);
      }
    },
  };
}

type Model = ReturnType<typeof openModel>;

function laneOfHead(lane: string, head: string, state: StoredLane["state"]): StoredLane {
  return { lane, state, head: { messageId: head, digest: head } } as StoredLane;
}

const Script = fc.record({
  // Lanes are few, so that they collide; "" is what no order holds up.
  messages: fc.array(fc.tuple(fc.constantFrom("", "a", "b", "c"), fc.integer({ min: 0, max: 3 })), { maxLength: 40 }),
  // Size of each batch, and whether a retry, a release or new messages come next.
  choices: fc.infiniteStream(fc.tuple(fc.integer({ min: 1, max: 8 }), fc.constantFrom("retry", "release", "new"))),
});

Deno.test("every message is handled once, and those of a lane in the order in which they came, whatever fails", () => {
  fc.assert(fc.property(Script, ({ messages, choices }) => {
    const model = openModel();
    const failuresLeft = new Map(messages.map(([, failures], at) => [`${at}`, failures]));
    const fresh = messages.map(([lane], at) => workOf(`${at}`, lane));
    const retrying: Work[] = [];
    const handled: Work[] = [];
    for (const [size, choice] of choices) {
      const batch = takeBatch(model, { fresh, retrying, size, choice });
      if (batch === undefined) break;
      settle(model, batch, { failuresLeft, retrying, handled });
    }

    const idsOf = (lane: string, works: readonly Work[]) =>
      works.filter(({ subject }) => subject === lane).map(({ received }) => received.id);
    const all = messages.map(([lane], at) => workOf(`${at}`, lane));
    for (const lane of ["a", "b", "c"]) assertEquals(idsOf(lane, handled), idsOf(lane, all));
    assertEquals(idsOf("", handled).toSorted(), idsOf("", all).toSorted());
    assertEquals([model.lanes.size, model.parked.size], [0, 0]);
  }));
});

interface Taking {
  readonly fresh: Work[];
  readonly retrying: Work[];
  readonly size: number;
  readonly choice: "retry" | "release" | "new";
}

/** @returns `undefined` when nothing is left anywhere. */
function takeBatch(model: Model, { fresh, retrying, size, choice }: Taking): readonly Work[] | undefined {
  const releasing = [...model.lanes].find(([, { isReleasing }]) => isReleasing)?.[0];
  const release = () =>
    model.parkedIn(releasing!).slice(0, size).map(({ id, lane }) => workOf(id, lane, { parkedIn: lane }));
  if (choice === "release" && releasing !== undefined) return release();
  // Retries come back in any order, among what is new.
  if (choice === "retry" && retrying.length > 0) {
    return [...retrying.splice(size % retrying.length, 1), ...fresh.splice(0, 1)];
  }
  if (fresh.length > 0) return fresh.splice(0, size);
  if (retrying.length > 0) return retrying.splice(0, size);
  return releasing === undefined ? undefined : release();
}

interface Results {
  readonly failuresLeft: Map<string, number>;
  readonly retrying: Work[];
  readonly handled: Work[];
}

/** What the settler does with a batch. */
function settle(model: Model, batch: readonly Work[], { failuresLeft, retrying, handled }: Results): void {
  const closed = closedLanes(model.table());
  const hasLeft = (work: Work) => (failuresLeft.get(work.received.id) ?? 0) > 0;
  const failures = new Map(
    batch.filter(hasLeft).map((
      work,
    ) => [work, new UnavailableError("Cannot decide: the glue is away", { dependency: "glue" })]),
  );
  const { going, parked } = sortByLane(batch, closed, { failed: failures, laneOf });
  const failing = new Map([...failures].filter(([work]) => going.includes(work)));
  model.write(laneChanges({ going, parked, failures: failing, gone: [], refused: [], voided: [] }, closed, {
    laneOf,
    dueAtMs: () => 0,
  }));
  for (const work of going) {
    const { id } = work.received;
    if (failing.has(work)) {
      failuresLeft.set(id, failuresLeft.get(id)! - 1);
      retrying.push(workOf(id, work.subject));
    } else handled.push(work);
  }
}

Deno.test("another message with the id of what a lane waits for is none of it", () => {
  const closed = closedLanes({
    version: 0,
    lanes: [laneOfHead("a", "1", "retry")],
  });
  const [head, rival] = [workOf("1", "a"), workOf("1", "a", { digest: "two" })];
  assertEquals(sortByLane([rival, head], closed, { failed: new Set(), laneOf }), { going: [head], parked: [rival] });
});

Deno.test("what an undo makes void lets its lane go, dead or not", () => {
  for (const state of ["retry", "dead"] as const) {
    const closed = closedLanes({
      version: 0,
      lanes: [laneOfHead("a", "1", state)],
    });
    const outcome = { going: [], parked: [], failures: new Map(), gone: [], refused: [], voided: [{ messageId: "1" }] };
    assertEquals(laneChanges(outcome, closed, { laneOf, dueAtMs: () => 0 }).opened, ["a"]);
  }
});
