import { deepStrictEqual as assertEquals, rejects as assertRejects } from "node:assert/strict";
import { sha256, systemClock } from "@mesh/base";
import { startInfra } from "@mesh/testing/infra";
import { PostgresFixture } from "../conformance/postgres_subject.ts";
import { handled, makeEvent, publishing, writing } from "../conformance/subject.ts";
import { systemIds } from "@mesh/base";
import {
  maintainInbox,
  migrate,
  type MigrationSet,
  provisionService,
  readMeshMigrations,
  readMigrations,
} from "./mod.ts";

const dayMs = 86_400_000;

Deno.test("migration of a service's database", async (test) => {
  await using infra = await startInfra({ wants: ["postgres"] });
  await using fixture = await PostgresFixture.create(infra.postgres);
  const { ownerUrl: url, ownerRole: role, runtimeRole } = fixture.service;
  const run = (migrations: MigrationSet["migrations"], runtime = runtimeRole) =>
    migrate({ url, role, runtimeRole: runtime, sets: [{ name: "shop", migrations }] });
  const first = file("0001_first.sql", "create schema shop; create table shop.ledger (id int);");
  const third = file(
    "0003_third.sql",
    "create table shop.third (id int); select mesh.make_append_only('shop.ledger');",
  );

  await test.step("applies what is missing, once, however many do it at the same time", async () => {
    const reports = await Promise.all([run([first]), run([first]), run([first, third])]);
    assertEquals(reports.flatMap(({ applied }) => applied).sort(), ["shop/0001_first.sql", "shop/0003_third.sql"]);
    assertEquals((await run([first, third])).applied, []);
    assertEquals((await run([first])).unknown, ["shop/0003_third.sql"]);
  });

  await test.step("gives the runtime role what it needs, and nothing to change in tables that only grow", async () => {
    const { sql } = fixture.openStore();
    await sql`insert into shop.ledger values (1)`;
    await sql`insert into shop.third values (1)`;
    await sql`delete from shop.third`;
    await assertRejects(sql`delete from shop.ledger`.execute(), { code: "42501" });
    await assertRejects(sql`update shop.ledger set id = 2`.execute(), { code: "42501" });
  });

  await test.step("names every file that was changed or comes too late", async () => {
    const changed = file(first.name, `${first.sql} `);
    const late = file("0002_late.sql", "select 1");
    await assertRejects(run([changed, late, third]), {
      code: "config.invalid",
      message: 'Cannot migrate: "shop/0001_first.sql" was changed, ' +
        '"shop/0002_late.sql" comes before "0003_third.sql", which is applied',
    });
  });

  await test.step("leaves nothing of a file that fails, and says where it failed", async () => {
    const broken = file("0004_broken.sql", "create table shop.fourth (id int);\nselect * from nowhere;");
    await assertRejects(run([first, third, broken]), { code: "defect", message: /0004_broken\.sql.*42P01, line 2/ });
    const mended = file("0004_broken.sql", "create table shop.fourth (id int);");
    assertEquals((await run([first, third, mended])).applied, ["shop/0004_broken.sql"]);
  });

  await test.step("reads folders and refuses misnamed files", async () => {
    const folder = new URL(`file://${await Deno.makeTempDir()}/`);
    await Deno.writeTextFile(new URL("0001_a.sql", folder), "select 1");
    assertEquals((await readMigrations("x", folder)).migrations, [file("0001_a.sql", "select 1")]);
    await Deno.writeTextFile(new URL("1_b.sql", folder), "");
    await Deno.writeTextFile(new URL("0001_c.sql", folder), "");
    await assertRejects(readMigrations("x", folder), {
      code: "config.invalid",
      message: 'Cannot read the migrations of "x": "1_b.sql" is misnamed, "0001_c.sql" repeats a number',
    });
    await Deno.remove(folder, { recursive: true });
    assertEquals((await readMigrations("x", folder)).migrations, []);
  });

  await test.step("provisions again without harm, and refuses names that cannot be", async () => {
    const prefix = fixture.service.database.slice(0, -"store".length);
    const options = { adminUrl: infra.postgres.adminUrl, service: "store", prefix };
    const again = await provisionService({ ...options, password: "another", ownerPassword: "owner's own" });
    assertEquals((await migrate({ url: again.ownerUrl, sets: [await readMeshMigrations()] })).applied, []);
    assertEquals(await fixture.openStore({ url: again.url }).readGeneration("x"), 1);
    await provisionService({ ...options, password: "runtime" });
    await assertRejects(provisionService({ ...options, service: 'x"; drop', password: "" }), {
      code: "config.invalid",
    });
  });
});

Deno.test("maintenance of the inbox", async (test) => {
  await using infra = await startInfra({ wants: ["postgres"] });
  await using fixture = await PostgresFixture.create(infra.postgres);
  const { ownerUrl: url, ownerRole: role } = fixture.service;
  const nowMs = await fixture.openStore().nowMs();
  const idAt = (timeMs: number) => systemIds({ ...systemClock, nowMs: () => timeMs }).next();
  const count = async (table: string) =>
    Number((await fixture.admin.unsafe(`select count(*) from mesh.${table}`))[0]!.count);
  const dayOf = (timeMs: number) => new Date(timeMs).toISOString().slice(0, 10).replaceAll("-", "");

  await test.step("makes partitions 14 days ahead, and finds nothing to do when called again", async () => {
    assertEquals((await fixture.openStore().readStatus()).inboxDaysAhead, 14);
    assertEquals(await maintainInbox({ url, role }), { made: [], dropped: [], movedCount: 0 });
  });

  await test.step("moves what fell into DEFAULT to its day, where it still counts as handled", async () => {
    const store = fixture.openStore();
    const inbox = [16, 16, 20, -5, -60].map((days) => handled(idAt(nowMs + days * dayMs)));
    await store.commit(writing({ inbox }));
    assertEquals(await count("inbox_default"), 5);
    const report = await maintainInbox({ url, role, daysAhead: 16 });
    const made = [dayOf(nowMs - 5 * dayMs), dayOf(nowMs + 15 * dayMs), dayOf(nowMs + 16 * dayMs)];
    assertEquals(report, { made, dropped: [], movedCount: 3 });
    assertEquals(await count("inbox_default"), 2);
    const again = await store.commit(writing({ inbox }));
    assertEquals(again.outcome === "conflict" && again.duplicates.length, 5);
    assertEquals((await store.findHandled("inventory", inbox.map(({ messageId }) => messageId))).size, 5);
    assertEquals((await store.readStatus()).inboxDaysAhead, 16);
  });

  await test.step("counts days ahead only up to the first that is missing", async () => {
    await fixture.admin.unsafe(`drop table mesh.inbox_p${dayOf(nowMs + 3 * dayMs)}`);
    assertEquals((await fixture.openStore().readStatus()).inboxDaysAhead, 2);
    assertEquals((await maintainInbox({ url, role })).made, [dayOf(nowMs + 3 * dayMs)]);
  });

  await test.step("drops days that nobody needs any more, with the answers and the rest of that time", async () => {
    await fixture.clear();
    const store = fixture.openStore();
    const ids = systemIds();
    const event = makeEvent(ids, { stream: "a", version: 1 }, { re: [ids.next()] });
    const outbox = [publishing(ids, event)];
    const inbox = [handled(idAt(nowMs - 60 * dayMs)), handled(idAt(nowMs))];
    await store.commit(writing({ inbox, expected: [{ stream: "a", version: 0 }], events: [event], outbox }));
    await fixture.advance(46 * dayMs);
    await fixture.admin`update mesh.inbox_default set handled_at_ms = handled_at_ms - ${46 * dayMs}`;
    const report = await maintainInbox({ url, role, keptDays: 0 });
    assertEquals(report.dropped, [dayOf(nowMs - 5 * dayMs), dayOf(nowMs - dayMs)]);
    assertEquals([await count("inbox"), await count("answer")], [1, 0]);
  });
});

function file(name: string, sql: string): MigrationSet["migrations"][number] {
  return { name, sql, hash: sha256(sql) };
}
