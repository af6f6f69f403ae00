import { deepStrictEqual as assertEquals, ok, rejects as assertRejects } from "node:assert/strict";
import { systemIds } from "@mesh/base";
import { startInfra } from "@mesh/testing/infra";
import postgres from "postgres";
import { PostgresFixture } from "../conformance/postgres_subject.ts";
import { makeEvent, writing } from "../conformance/subject.ts";
import { migrate, raiseFeedEpoch, readMeshMigrations } from "../migrate/mod.ts";
import type { PostgresStore } from "./postgres_store.ts";

const ids = systemIds();

Deno.test("feed of a postgres store", async (test) => {
  await using infra = await startInfra({ wants: ["postgres"] });
  await using fixture = await PostgresFixture.create(infra.postgres);
  const step = (name: string, run: () => Promise<void>) =>
    test.step(name, async () => {
      await fixture.clear();
      await run();
    });

  await step("gives out nothing behind an open transaction, and then everything in order", async () => {
    const store = fixture.openStore();
    const [early, late] = [firstEvent("early"), firstEvent("late")];
    const slow = await holdOpen(store, early);
    await append(fixture.openStore(), late);
    const held = await store.readFeed({ after: "", limit: 9 });
    assertEquals([held.items, held.next, held.hasMore], [[], "", false]);
    slow.release();
    await slow.committed;
    const page = await store.readFeed({ after: held.next, limit: 9 });
    assertEquals(page.items.map(({ envelope }) => envelope), [early.envelope, late.envelope]);
    ok(page.items.every(({ recordedAtMs }) => recordedAtMs >= held.completeUntilMs));
    ok(page.completeUntilMs >= held.completeUntilMs);
  });

  await step("does not promise to be complete beyond the start of a transaction that is still open", async () => {
    const store = fixture.openStore();
    const slow = await holdOpen(store, firstEvent("early"));
    const [{ nowMs }] = await fixture.admin<[{ nowMs: string }]>`select mesh.now_ms() as "nowMs"`;
    const page = await store.readFeed({ after: "", limit: 9 });
    ok(page.completeUntilMs <= Number(nowMs));
    slow.release();
    await slow.committed;
    ok((await store.readFeed({ after: "", limit: 9 })).completeUntilMs >= Number(nowMs));
  });

  await step("waits for a writer in another database of the server, and says so", async () => {
    const store = fixture.openStore();
    const elsewhere = postgres(infra.postgres.adminUrl, { max: 1 });
    const event = firstEvent("a");
    await elsewhere.begin(async (sql) => {
      await sql`select pg_current_xact_id()`;
      await append(store, event);
      const held = await store.readFeed({ after: "", limit: 9 });
      const [row] = await fixture.admin<[{ at: string }]>`select recorded_at_ms as at from mesh.event`;
      assertEquals([held.items, held.completeUntilMs <= Number(row.at)], [[], true]);
    });
    await elsewhere.end();
    const page = await store.readFeed({ after: "", limit: 9 });
    assertEquals(page.items.map(({ envelope }) => envelope), [event.envelope]);
  });

  await step("loses and repeats nothing while transactions of random length overlap", async () => {
    const [writer, reader] = [fixture.openStore({ poolMax: 8 }), fixture.openStore()];
    const committed: string[] = [];
    let isDone = false;
    const reading = follow(reader, () => isDone);
    await Promise.all(Array.from({ length: 8 }, async (_, worker) => {
      for (let turn = 0; turn < 15; turn += 1) {
        const event = firstEvent(`overlap/${worker}/${turn}`);
        // Different lengths before and after the id is drawn make the order of ids, clocks and commits differ.
        await writer.commitWith(appending(event), async (sql) => {
          await sql`select pg_sleep(random() * 0.01)`;
          await sql`select pg_current_xact_id()`;
          await sql`select pg_sleep(random() * 0.02)`;
        });
        committed.push(event.envelope);
      }
    }));
    isDone = true;
    assertEquals((await reading).toSorted(), committed.toSorted());
  });

  await step("looks at a bounded number of events when only rare types are asked for", async () => {
    const store = fixture.openStore();
    const events = Array.from({ length: 2_500 }, (_, at) => {
      const type = at === 2_400 ? "rare" : "common";
      return makeEvent(ids, { stream: "long", version: at + 1 }, { type });
    });
    await store.commit(writing({ expected: [{ stream: "long", version: 0 }], events }));
    const first = await store.readFeed({ after: "", types: ["rare"], limit: 10 });
    assertEquals([first.items.length, first.hasMore], [0, true]);
    const second = await store.readFeed({ after: first.next, types: ["rare"], limit: 10 });
    assertEquals([second.items.map(({ envelope }) => envelope), second.hasMore], [[events[2_400]!.envelope], false]);
  });

  await step("gives out each event of the wanted types once, whatever the pages and wherever they end", async () => {
    const store = fixture.openStore();
    const typeAt = (at: number) => ["a", "b", "a", "c", "a", "a"][at % 6]!;
    const events = Array.from({ length: 40 }, (_, at) => {
      return makeEvent(ids, { stream: "long", version: at + 1 }, { type: typeAt(at) });
    });
    for (const [at, event] of events.entries()) {
      await store.commit(writing({ expected: [{ stream: "long", version: at }], events: [event] }));
    }
    for (const types of [undefined, ["a"], ["b", "c"], ["c"], ["z"]]) {
      const wanted = events.filter(({ type }) => types?.includes(type) ?? true).map(({ envelope }) => envelope);
      for (const limit of [1, 3, 20, 26, 27, 40]) {
        for (const untilMs of [undefined, Number.MAX_SAFE_INTEGER]) {
          const query = {
            limit,
            ...(types === undefined ? {} : { types }),
            ...(untilMs === undefined ? {} : { untilMs }),
          };
          const { envelopes, next } = await readToEnd(store, query);
          assertEquals(envelopes, wanted);
          assertEquals((await store.readFeed({ ...query, types: ["a", "b", "c"], after: next })).items, []);
        }
      }
    }
  });

  await step("begins a new epoch when the database was restored into another cluster", async () => {
    const store = fixture.openStore();
    const [before, after] = [firstEvent("before"), firstEvent("after")];
    await append(store, before);
    const { next } = await store.readFeed({ after: "", limit: 9 });
    // As a restore leaves it: ids of transactions that this cluster has not reached yet.
    await fixture.admin`update mesh.event set xid = (xid::text::bigint + 1000000)::text::xid8`;
    await fixture.admin`update mesh.feed_epoch set system_identifier = 'the cluster that was lost'`;
    assertEquals((await store.readFeed({ after: "", limit: 9 })).items, []);
    const { ownerUrl: url, ownerRole: role } = fixture.service;
    const options = { url, role, sets: [await readMeshMigrations()] };
    assertEquals((await migrate(options)).isRestored, true);
    assertEquals((await migrate(options)).isRestored, false);
    await append(store, after);
    await assertRejects(store.readFeed({ after: next, limit: 9 }), { reason: "cursor-epoch" });
    const page = await store.readFeed({ after: "", limit: 9 });
    assertEquals(page.items.map(({ envelope }) => envelope), [before.envelope, after.envelope]);
    const rest = await store.readFeed({ after: page.items[0]!.cursor, limit: 9 });
    assertEquals(rest.items.map(({ envelope }) => envelope), [after.envelope]);
  });

  await step("begins a new epoch when an operator says so, behind turns that are under way", async () => {
    const store = fixture.openStore();
    const { ownerUrl: url, ownerRole: role } = fixture.service;
    const slow = await holdOpen(store, firstEvent("slow"));
    const { next } = await store.readFeed({ after: "", limit: 9 });
    slow.release();
    const [epoch] = await Promise.all([raiseFeedEpoch({ url, role }), slow.committed]);
    const { items } = await store.readFeed({ after: next, limit: 9 });
    assertEquals([items.length, items[0]?.cursor.split(".")[0]], [1, String(epoch)]);
  });
});

function firstEvent(stream: string) {
  return makeEvent(ids, { stream, version: 1 });
}

function appending(event: ReturnType<typeof firstEvent>) {
  return writing({ expected: [{ stream: event.stream, version: 0 }], events: [event] });
}

async function append(store: PostgresStore, event: ReturnType<typeof firstEvent>): Promise<void> {
  assertEquals((await store.commit(appending(event))).outcome, "committed");
}

/** Commits an event in a transaction that has its id and waits. */
async function holdOpen(store: PostgresStore, event: ReturnType<typeof firstEvent>) {
  const opened = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const committed = store.commitWith(appending(event), async (sql) => {
    await sql`select pg_current_xact_id()`;
    opened.resolve();
    await gate.promise;
  });
  await opened.promise;
  return { committed, release: gate.resolve };
}

async function readToEnd(store: PostgresStore, query: Omit<Parameters<PostgresStore["readFeed"]>[0], "after">) {
  const envelopes: string[] = [];
  for (let after = "";;) {
    const page = await store.readFeed({ ...query, after });
    ok(page.items.length <= query.limit);
    envelopes.push(...page.items.map(({ envelope }) => envelope));
    after = page.next;
    if (!page.hasMore) return { envelopes, next: after };
  }
}

async function follow(store: PostgresStore, isDone: () => boolean): Promise<readonly string[]> {
  const seen: string[] = [];
  let [after, promisedMs] = ["", 0];
  for (;;) {
    const wasDone = isDone();
    const page = await store.readFeed({ after, limit: 5 });
    for (const { envelope, recordedAtMs } of page.items) {
      ok(recordedAtMs >= promisedMs, `recorded at ${recordedAtMs}, promised complete until ${promisedMs}`);
      seen.push(envelope);
    }
    after = page.next;
    if (!page.hasMore) promisedMs = Math.max(promisedMs, page.completeUntilMs);
    if (wasDone && !page.hasMore) return seen;
  }
}
