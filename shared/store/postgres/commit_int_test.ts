import { deepStrictEqual as assertEquals, rejects as assertRejects } from "node:assert/strict";
import { ConfigError, systemIds } from "@mesh/base";
import { startInfra } from "@mesh/testing/infra";
import type { TransactionSql } from "postgres";
import { PostgresFixture } from "../conformance/postgres_subject.ts";
import { claimIds, handled, makeEvent, makeRow, publishing, queued, writing } from "../conformance/subject.ts";
import { AnswerThief } from "../conformance/answer_thief.ts";

const ids = systemIds();
const stream = "inventory/TEA-0001";

Deno.test("commits of a postgres store", async (test) => {
  await using infra = await startInfra({ wants: ["postgres"] });
  await using fixture = await PostgresFixture.create(infra.postgres);
  const { runtimeRole } = fixture.service;
  await fixture.admin`create table public.note (id int primary key, text text)`;
  await fixture.admin`grant all on public.note to ${fixture.admin(runtimeRole)}`;
  const step = (name: string, run: () => Promise<void>) =>
    test.step(name, async () => {
      await fixture.clear();
      await fixture.admin`delete from public.note`;
      await run();
    });
  const notes = async () =>
    (await fixture.admin<{ text: string }[]>`select text from public.note`).map((row) => row.text);

  await step("leave no way to change or remove an event afterwards", async () => {
    const { sql } = fixture.openStore();
    const forbidden = [
      "update mesh.event set type = 'forged'",
      "delete from mesh.event",
      "truncate mesh.event",
      "alter table mesh.event disable trigger all",
      "update mesh.feed_epoch set epoch = 9",
      "delete from mesh.migration",
      "drop table mesh.inbox",
      "create table mesh.mine (id int)",
      "create table public.mine (id int)",
      "create schema mine",
      "set session authorization postgres",
    ];
    for (const statement of forbidden) {
      await assertRejects(sql.unsafe(statement).execute(), { code: "42501" }, statement);
    }
  });

  await step("take a service's own statements into the same transaction", async () => {
    const store = fixture.openStore();
    const turn = writing({ inbox: [handled(ids.next())] });
    const note = (text: string) => (sql: typeof store.sql | Parameters<Parameters<typeof store.commitWith>[1]>[0]) =>
      sql`insert into public.note values (${text.length}, ${text})`.then(() => {});
    assertEquals((await store.commitWith(turn, note("kept"))).outcome, "committed");
    assertEquals((await store.commitWith(turn, note("undone"))).outcome, "conflict");
    assertEquals(await notes(), ["kept"]);
  });

  await step("are undone by a participant that throws, whose error passes unchanged", async () => {
    const store = fixture.openStore();
    await store.sql`insert into public.note values (1, 'first')`;
    const inbox = [handled(ids.next())];
    const refusal = new ConfigError("Cannot take this order: closed");
    const throwing = store.commitWith(writing({ inbox }), async (sql) => {
      await sql`insert into public.note values (2, 'second')`;
      throw refusal;
    });
    assertEquals(await throwing.catch((error) => error), refusal);
    const clashing = store.commitWith(writing({ inbox }), async (sql) => {
      await sql`insert into public.note values (1, 'again')`;
    });
    await assertRejects(clashing, { code: "23505", name: "PostgresError" });
    assertEquals([await notes(), await store.findHandled("inventory", [inbox[0]!.messageId])], [["first"], new Set()]);
  });

  await step("are tried again after a deadlock", async () => {
    const store = fixture.openStore();
    await fixture.admin`insert into public.note values (1, ''), (2, '')`;
    let waiting = 0;
    const bothHold = Promise.withResolvers<void>();
    const touch = (first: number, second: number) =>
      store.commitWith(writing({ inbox: [handled(ids.next())] }), async (sql) => {
        await sql`update public.note set text = text || ${first} where id = ${first}`;
        waiting += 1;
        if (waiting === 2) bothHold.resolve();
        await bothHold.promise;
        await sql`update public.note set text = text || ${first} where id = ${second}`;
      });
    const results = await Promise.all([touch(1, 2), touch(2, 1)]);
    assertEquals(results.map(({ outcome }) => outcome), ["committed", "committed"]);
    assertEquals([waiting, (await notes()).map((text) => text.length)], [3, [2, 2]]);
  });

  await step("never wait for each other in a circle, whatever they touch in whatever order", async () => {
    const [store, replica] = [fixture.openStore({ poolMax: 8 }), fixture.openStore({ poolMax: 8 })];
    const deadlocks = async () => {
      const [row] = await fixture.admin<[{ count: string }]>`
        select deadlocks as count from pg_stat_database where datname = current_database()`;
      return row.count;
    };
    const before = await deadlocks();
    const commands = Array.from({ length: 12 }, () => queued(ids));
    await store.commit(writing({ outbox: commands }));
    const messageIds = Array.from({ length: 12 }, () => ids.next());
    await Promise.all(Array.from({ length: 60 }, async (_, at) => {
      const turned = <T>(values: readonly T[]) => {
        const from = (at * 5) % values.length;
        const round = [...values.slice(from), ...values.slice(0, from)];
        return at % 2 === 0 ? round : round.toReversed();
      };
      const names = turned(["a", "b", "c", "d", "e"]).slice(0, 3);
      await (at % 3 === 0 ? store : replica).commit(writing({
        inbox: turned(messageIds).slice(0, 4).map((id) => handled(id, { consumer: `consumer ${at % 6}` })),
        voided: turned(messageIds).slice(4, 8).map((id) => handled(id)),
        expected: names.map((name) => ({ stream: name, version: 0 })),
        timers: turned(["x", "y", "z"]).map((name) => ({ stream: name, dueAtMs: at % 4 === 0 ? null : at })),
        answered: turned(commands).slice(0, 4).map(({ messageId }) => messageId),
        awaiting: turned(commands).slice(0, 6).map(({ id }) => id),
        rows: turned(["k", "l", "m"]).map((key) => makeRow(key)),
      }));
    }));
    assertEquals(await deadlocks(), before);
  });

  await step("whose answer is lost are reported as unavailable, and as duplicates when repeated", async () => {
    await using thief = await AnswerThief.start(fixture.service.url);
    const store = fixture.openStore({ url: thief.url, poolMax: 1 });
    // The first commit of a kind prepares its statement; from then on a commit is one question and one answer.
    const turnOf = (stream: string) => {
      const event = makeEvent(ids, { stream, version: 1 });
      return writing({
        inbox: [handled(ids.next())],
        expected: [{ stream, version: 0 }],
        events: [event],
        outbox: [publishing(ids, event)],
      });
    };
    const first = turnOf("first of its kind");
    await store.commit(first);
    await store.settleOutbox({ confirmed: first.outbox.map(({ id }) => id), failed: [] });
    const turn = turnOf(stream);
    thief.stealNextAnswer();
    await assertRejects(store.commit(turn), { code: "dependency.unavailable", dependency: "postgres" });
    const duplicates = [{ messageId: turn.inbox[0]!.messageId, consumer: "inventory", isSameDigest: true }];
    assertEquals(await store.commit(turn), { outcome: "conflict", duplicates, stale: [stream] });
    assertEquals(await claimIds(store), turn.outbox.map(({ id }) => id));
  });

  await step("fail as unavailable when the connection breaks, and work again afterwards", async () => {
    const store = fixture.openStore({ poolMax: 1 });
    const turn = writing({ inbox: [handled(ids.next())] });
    const broken = store.commitWith(turn, async (sql) => {
      await fixture.admin`select pg_terminate_backend(${(await sql`select pg_backend_pid() as pid`)[0]!.pid})`;
    });
    await assertRejects(broken, { code: "dependency.unavailable" });
    // The driver may hand the dying connection out once more before it sees the end of it.
    const again = await store.commit(turn).catch((error) => {
      assertEquals(error.code, "dependency.unavailable");
      return store.commit(turn);
    });
    assertEquals(again.outcome, "committed");
  });

  await step("go on when all connections are killed again and again under load", async () => {
    const store = fixture.openStore();
    const committed = new Set<string>();
    let isDone = false;
    const workers = Array.from({ length: 6 }, async (_, worker) => {
      while (!isDone) {
        const messageId = ids.next();
        const turn = writing({ inbox: [handled(messageId)] });
        const committing = worker % 2 === 0 ? store.commit(turn) : store.commitWith(turn, async (sql) => {
          await sql`select pg_sleep(0.001)`;
        });
        const result = await committing.catch((error) => assertEquals(error.code, "dependency.unavailable"));
        if (result?.outcome === "committed") committed.add(messageId);
      }
    });
    // As often as it takes: with a pool that goes on after it has lost a connection, one kill in a hundred gave a commit
    // the answer to another statement.
    for (let count = 0; count < 100; count += 1) {
      const target = committed.size + 3;
      while (committed.size < target) await fixture.admin`select 1`;
      await fixture.admin`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and usename = ${runtimeRole}`;
    }
    isDone = true;
    await Promise.all(workers);
    assertEquals(await fixture.openStore().findHandled("inventory", [...committed]), committed);
  });

  await step("go on with another pool when one has lost a connection", async () => {
    const store = fixture.openStore({ poolMax: 2 });
    const { sql } = store;
    const waiting = store.run("wait", (sql) => sql`select pg_sleep(60)`);
    const failing = assertRejects(waiting, { code: "dependency.unavailable" });
    while (
      (await fixture.admin`
      select pg_terminate_backend(pid) from pg_stat_activity where usename = ${runtimeRole} and wait_event = 'PgSleep'`)
        .length === 0
    );
    await failing;
    assertEquals(store.sql === sql, false);
    await assertRejects(sql`select 1`.execute(), { code: "CONNECTION_ENDED" });
    assertEquals((await store.commit(writing({ inbox: [handled(ids.next())] }))).outcome, "committed");
  });

  await step("never go on outside of their transaction when their connection was renewed", async () => {
    const store = fixture.openStore({ poolMax: 1 });
    const breakOff = async (sql: TransactionSql) => {
      const [{ pid }] = await sql<[{ pid: number }]>`select pg_backend_pid() as pid`;
      await fixture.admin`select pg_terminate_backend(${pid})`;
      while ((await store.sql`select 1`.catch(() => [])).length === 0);
    };
    const going = store.run("write two notes", (sql) =>
      sql.begin(async (transaction) => {
        await transaction`insert into public.note values (1, 'inside')`;
        await breakOff(transaction);
        await transaction`insert into public.note values (2, 'outside')`;
      }));
    await assertRejects(going, { code: "dependency.unavailable" });
    const nested = store.run(
      "write in a savepoint",
      (sql) =>
        sql.begin((transaction) =>
          transaction.savepoint(async (inner) => {
            await breakOff(inner);
            await inner`insert into public.note values (3, 'outside')`;
          })
        ),
    );
    await assertRejects(nested, { code: "dependency.unavailable" });
    assertEquals(await notes(), []);
    await store.run("keep a part", (sql) =>
      sql.begin(async (transaction) => {
        await transaction`insert into public.note values (4, 'kept')`;
        const undone = transaction.savepoint((inner) => inner`insert into public.note values (4, 'twice')`);
        await assertRejects(undone, { code: "23505" });
        return [transaction`insert into public.note ${transaction({ id: 5, text: "built" })}`];
      }));
    assertEquals(await notes(), ["kept", "built"]);
  });

  await step("take arrays as parameters of a service's own statements, from the first on", async () => {
    const [row] = await fixture.openStore().sql`
      select ${["a,b", '"']}::text[] as texts, ${[1, 2]}::int[] as numbers, array[true, null] as booleans,
        ${[ids.next()]}::uuid[] = array[]::uuid[] as same, 9007199254740991::bigint as big`;
    assertEquals({ ...row }, {
      texts: ["a,b", '"'],
      numbers: [1, 2],
      booleans: [true, null],
      same: false,
      big: 2 ** 53 - 1,
    });
  });

  await step("fail as unavailable when nobody listens, the login is refused, or the database is missing", async () => {
    const wrong = [
      (url: URL) => url.port = "1",
      (url: URL) => url.pathname = "/nothing-here",
      (url: URL) => url.username = "nobody-here",
    ];
    for (const change of wrong) {
      const url = new URL(fixture.service.url);
      change(url);
      const store = fixture.openStore({ url: url.href });
      await assertRejects(store.commit(writing({})), { code: "dependency.unavailable" });
    }
  });

  await step("fail as unavailable when there is no answer in time", async () => {
    const store = fixture.openStore({ callLimitMs: 200 });
    await store.nowMs();
    const endless = store.commitWith(writing({}), async (sql) => {
      await sql`select pg_sleep(1)`;
    });
    await assertRejects(endless, { code: "dependency.unavailable", message: /no answer after 200 ms/ });
  });

  await step("notify whoever listens, and listeners hear when their connection was renewed", async () => {
    const store = fixture.openStore();
    const heard: string[] = [];
    let wake = () => {};
    await using _listening = await store.listen("orders", (payload) => {
      heard.push(payload);
      wake();
    });
    const hears = async (count: number) => {
      while (heard.length < count) await new Promise<void>((resolve) => wake = resolve);
      return heard;
    };
    assertEquals(await hears(1), [""]);
    await store.commitWith(writing({}), async (sql) => void await sql`select pg_notify('orders', 'order-1')`);
    assertEquals(await hears(2), ["", "order-1"]);
    const [ended] = await fixture.admin`
      select pg_terminate_backend(pid) as ok from pg_stat_activity
      where datname = current_database() and query like 'listen%'`;
    assertEquals(ended?.ok, true);
    assertEquals(await hears(3), ["", "order-1", ""]);
    await store.commitWith(writing({}), async (sql) => void await sql`select pg_notify('orders', 'order-2')`);
    assertEquals(await hears(4), ["", "order-1", "", "order-2"]);
  });
});
