import { deepStrictEqual as assertEquals, ok, rejects } from "node:assert/strict";
import { DefectError, UnavailableError } from "@mesh/base";
import { mailboxQueue } from "@mesh/broker";
import { commandClaims, signEnvelope } from "@mesh/envelope";
import { Break, Count, Fetch, Uncount, Wait, World } from "./test_world.ts";

const counted = (world: World) => world.heard.filter(({ type }) => type === "counter.counted");

Deno.test("a command leads to its event, and its answer ends it in the outbox", async () => {
  await using world = await World.open();
  await world.startCounter();
  await world.startAsker();

  const id = await world.service("asker").send(Count({ id: "a" }));
  await world.until("answered", () => world.heard.length === 1);
  await world.until("outbox empty", async () => (await world.store("asker").readStatus()).outboxCount === 0);

  assertEquals(world.heard, [{ type: "counter.counted", key: "a", re: [id], data: { id: "a", total: 1 } }]);
});

Deno.test("a message that is delivered twice has its effect once, and its answer is sent again", async () => {
  await using world = await World.open();
  await world.startCounter();
  await world.startAsker();
  world.server.faults.duplicateNextDelivery(mailboxQueue("counter", 0));

  await world.service("asker").send(Count({ id: "a" }));
  await world.until("answered", () => counted(world).length === 1);
  await world.clock.advance(20_000);

  const { items } = await world.store("counter").readFeed({ after: "", limit: 10 });
  assertEquals(items.length, 1);
});

Deno.test("a command whose answer got lost is answered again, without a second effect", async () => {
  await using world = await World.open();
  await world.startAsker();
  const id = await world.service("asker").send(Count({ id: "a" }));
  await world.clock.advance(1_000);
  await world.crash("asker");
  await world.startCounter();
  const events = async () => (await world.store("counter").readFeed({ after: "", limit: 9 })).items.length;
  await world.until("counted", async () => (await events()) === 1);
  // The road loses everything that is on it, the answer included, and the topology is loaded again.
  world.server.wipe();
  await world.loadTopology();
  world.feedAnswers = false;

  await world.startAsker();
  await world.until("answered again", () => counted(world).length === 1, 900_000);

  assertEquals(counted(world)[0]?.re, [id]);
  assertEquals(await events(), 1);
});

Deno.test("a do that arrives after its undo has no effect", async () => {
  await using world = await World.open();
  await world.startCounter();
  await world.startAsker();
  const asker = world.service("asker");
  const late = world.ids.next();

  await asker.send({ ...Uncount({ id: "a" }), undoes: [late] });
  await world.until("undone", () => world.heard.length === 1);
  await asker.send(Count({ id: "a" }), { id: late });
  await world.clock.advance(60_000);

  assertEquals(world.heard.map(({ type }) => type), ["counter.uncounted"]);
});

Deno.test("a do that comes after its undo in one batch has no effect either", async () => {
  await using world = await World.open();
  await world.startAsker();
  const asker = world.service("asker");
  const late = world.ids.next();
  await asker.send({ ...Uncount({ id: "a" }), undoes: [late] });
  await asker.send(Count({ id: "a" }), { id: late });
  await world.until("both wait", () => world.server.messagesIn("counter.in.p0").length === 2);

  await world.startCounter();
  await world.until("undone", () => world.heard.length === 1);
  await world.clock.advance(60_000);

  assertEquals(world.heard.map(({ type }) => type), ["counter.uncounted"]);
  assertEquals(world.server.messagesIn("counter.in.p0"), []);
});

Deno.test("an expired command is recorded as handled and has no effect", async () => {
  await using world = await World.open();
  await world.startCounter();
  await world.startAsker();

  const id = await world.service("asker").send({ ...Count({ id: "a" }), expiresAtMs: world.clock.nowMs() - 5_000 });
  await world.until("handled", async () => (await world.store("counter").findHandled("counter", [id])).has(id));

  assertEquals(world.heard, []);
});

Deno.test("a handler that fails is tried again through the tiers while other keys flow, and dies after six attempts", async () => {
  await using world = await World.open();
  await world.startCounter();
  await world.startAsker();
  world.mood.isBroken = true;

  const id = await world.service("asker").send(Break({ id: "broken" }));
  await world.service("asker").send(Count({ id: "fine" }));
  await world.until("other keys flow", () => counted(world).length === 1, 500);
  await world.until("dead", async () => (await world.store("counter").readStatus()).deadLetterCount === 1);

  const [letter] = await world.store("counter").listDeadLetters({ limit: 10 });
  assertEquals([letter?.messageId, letter?.class, letter?.attempts, letter?.reason], [
    id,
    "exhausted",
    6,
    "dependency.unavailable",
  ]);
});

Deno.test("a message that the database refuses dies alone, whatever else of its key stands beside it", async () => {
  await using world = await World.open();
  await world.startAsker();
  const flows = ["a", "b", "bad", "c"];
  for (const correlation of flows) await world.service("asker").send(Count({ id: "same" }), { correlation });
  await world.until("all wait", () => world.server.messagesIn("counter.in.p0").length === flows.length);
  await world.startCounter();
  const store = world.store("counter");
  const commit = store.commit.bind(store);
  store.commit = (writes) =>
    writes.events.some(({ correlation }) => correlation === "bad")
      ? Promise.reject(new DefectError("Cannot commit a turn: a constraint is violated"))
      : commit(writes);

  await world.until("the others are through", () => counted(world).length === 3, 500);

  const letters = await store.listDeadLetters({ limit: 9 });
  assertEquals(letters.map((letter) => [letter.correlation, letter.class]), [["bad", "defect"]]);
});

Deno.test("a redrive brings a dead message through once the cause is gone, and is a signed event", async () => {
  await using world = await World.open();
  await world.startCounter();
  await world.startAsker();
  world.mood.isBroken = true;
  const id = await world.service("asker").send(Break({ id: "broken" }));
  await world.until("dead", async () => (await world.store("counter").readStatus()).deadLetterCount === 1);
  world.mood.isBroken = false;

  const { operations } = world.service("counter");
  const [letter] = await operations.listDeadLetters({ limit: 10 });
  await operations.settleDeadLetters([letter!.id], "redriven", "glue is back", {
    subject: "operator-1",
    via: "operator",
  });
  await world.until("repaired", () => world.heard.some(({ type, re }) => type === "counter.repaired" && re[0] === id));

  const { items } = await world.store("counter").readFeed({ after: "", types: ["counter.operator-acted"], limit: 10 });
  assertEquals(items.length, 1);
  await rejects(
    operations.settleDeadLetters([letter!.id], "redriven", "again", { subject: "operator-1", via: "operator" }),
    { code: "store.conflict" },
  );
});

Deno.test("an unproven message is quarantined with its reason and a signed finding, and the queue goes on", async () => {
  await using world = await World.open();
  await world.startCounter();
  await world.startAsker();
  const broker = await world.server.connect("asker");
  const publisher = await broker.openPublisher();
  const message = Count({ id: "a" });
  const id = world.ids.next();
  const claims = commandClaims({ message, id, service: "asker", correlation: id, causation: null, nowMs: 0 });
  const { token } = signEnvelope(claims, world.keys.asker.key);
  const forged = `${token.slice(0, -4)}${token.endsWith("AAAA") ? "BBBA" : "AAAA"}`;

  await publisher.publish({
    exchange: "mesh.commands",
    routingKey: claims.dst.rk,
    body: new TextEncoder().encode(forged),
    messageId: id,
    type: message.type,
    isMandatory: true,
    headers: {},
  });
  await world.service("asker").send(Count({ id: "b" }));
  await world.until("the queue goes on", () => counted(world).length === 1);

  const [letter] = await world.store("counter").listDeadLetters({ limit: 10 });
  assertEquals([letter?.class, letter?.reason], ["untrusted", "bad-signature"]);
  const { items } = await world.store("counter").readFeed({
    after: "",
    types: ["counter.security-rejected"],
    limit: 9,
  });
  assertEquals(items.length, 1);
  await broker[Symbol.asyncDispose]();
});

Deno.test("an id that comes back with other content is a finding and not a duplicate", async () => {
  await using world = await World.open();
  await world.startCounter();
  await world.startAsker();
  const id = world.ids.next();

  await world.service("asker").send(Count({ id: "a" }), { id });
  await world.until("counted", () => counted(world).length === 1);
  await world.service("asker").send(Count({ id: "b" }), { id });
  await world.until("found", async () => (await world.store("counter").readStatus()).deadLetterCount === 1);

  const [letter] = await world.store("counter").listDeadLetters({ limit: 10 });
  assertEquals([letter?.class, letter?.reason], ["untrusted", "replayed-id"]);
});

Deno.test("a database that is away costs no attempt, and what is held goes through when it is back", async () => {
  await using world = await World.open();
  await world.startCounter();
  await world.startAsker();
  world.store("counter").failNext(40);

  await world.service("asker").send(Count({ id: "a" }));
  await world.until("answered", () => counted(world).length === 1, 300_000);

  assertEquals((await world.store("counter").readStatus()).deadLetterCount, 0);
  assertEquals(world.abandoned, []);
});

Deno.test("a commit whose outcome nobody learns has its effect once", async () => {
  await using world = await World.open();
  await world.startCounter();
  await world.startAsker();
  world.store("counter").failNext(1, { operation: "commit", when: "after" });

  await world.service("asker").send(Count({ id: "a" }));
  await world.until("answered", () => counted(world).length >= 1);
  await world.clock.advance(60_000);

  assertEquals((await world.store("counter").readFeed({ after: "", limit: 10 })).items.length, 1);
});

Deno.test("a stale state in memory is noticed by the commit and decided again", async () => {
  await using world = await World.open();
  await world.startCounter();
  await world.startAsker();
  await world.service("asker").send(Count({ id: "a" }));
  await world.until("counted", () => counted(world).length === 1);
  await world.crash("counter");
  await world.startCounter();
  const rival = world.service("counter");
  await rival.execute(Count({ id: "a" }));
  await rival.execute(Count({ id: "a" }));

  await world.service("asker").send(Count({ id: "a" }));
  await world.until("four", () => counted(world).some(({ data }) => (data as { total: number }).total === 4), 120_000);
});

Deno.test("a crash between commit and publish loses nothing: the next run publishes it at once", async () => {
  await using world = await World.open();
  await world.startCounter();
  await world.startAsker();
  world.server.faults.setBlocked(true);
  await world.service("asker").send(Count({ id: "a" }));
  await world.clock.advance(100);
  await world.crash("asker");
  world.server.faults.setBlocked(false);
  assertEquals(world.published, []);

  await world.startAsker();

  await world.until("answered", () => counted(world).length >= 1, 1_000);
  assertEquals((await world.store("counter").readFeed({ after: "", limit: 10 })).items.length, 1);
});

Deno.test("a subscriber that the broker has forgotten catches up from the feed", async () => {
  await using world = await World.open();
  await world.startCounter();
  await world.service("counter").execute(Count({ id: "a" }));
  world.server.wipe();
  await world.loadTopology();
  await world.clock.advance(120_000);

  await world.startAsker();
  await world.until("caught up", () => counted(world).length === 1, 400_000);
  ok(counted(world).length === 1);
});

Deno.test("a timer fires once when its time has come", async () => {
  await using world = await World.open();
  await world.startCounter();
  await world.startAsker();
  const dueAtMs = world.clock.nowMs() + 30_000;

  await world.service("asker").send(Wait({ id: "clock", dueAtMs }));
  await world.clock.advance(25_000);
  assertEquals(world.heard.map(({ type }) => type), ["counter.wait-begun"]);
  await world.until("fired", () => world.heard.length === 2);
  await world.clock.advance(120_000);

  assertEquals(world.heard.map(({ type }) => type), ["counter.wait-begun", "counter.wait-ended"]);
});

Deno.test("an effect whose outcome is unknown is asked about before it is repeated, and its outcome answers", async () => {
  await using world = await World.open();
  const calls: string[] = [];
  await world.startCounter({
    "fetch-text": {
      perform: (_request, { idempotencyKey }) => {
        calls.push(`perform ${idempotencyKey}`);
        return Promise.reject(new UnavailableError("Cannot fetch: the line is dead"));
      },
      find: (_request, { idempotencyKey }) => {
        calls.push(`find ${idempotencyKey}`);
        return Promise.resolve({ text: "once" });
      },
    },
  });
  await world.startAsker();

  const id = await world.service("asker").send(Fetch({ id: "book" }));
  await world.until("answered", () => world.heard.some(({ type }) => type === "counter.fetched"));

  assertEquals(calls, ["perform counter/book@1.0", "find counter/book@1.0"]);
  const answer = world.heard.find(({ type }) => type === "counter.fetched");
  assertEquals(answer?.re, [id]);
});

Deno.test("an effect that a process was performing when it died is asked about as soon as the next one has started", async () => {
  await using world = await World.open();
  const calls: string[] = [];
  await world.startCounter({
    "fetch-text": {
      perform: () => {
        calls.push("perform");
        return new Promise(() => {});
      },
    },
  });
  await world.startAsker();
  await world.service("asker").send(Fetch({ id: "book" }));
  await world.until("called", () => calls.length === 1);
  await world.crash("counter");

  await world.startCounter({
    "fetch-text": {
      perform: () => Promise.reject(new Error("nobody asked")),
      find: () => Promise.resolve({ text: "done by the dead" }),
    },
  });

  // Sooner than the lease of the dead process runs out, and than its call is given up.
  await world.until("answered", () => world.heard.some(({ type }) => type === "counter.fetched"), 3_000);
});

Deno.test("a subscriber whose owner came back from a backup reads the feed from its start and skips what it knows", async () => {
  await using world = await World.open();
  await world.startCounter();
  await world.startAsker();
  await world.service("counter").execute(Count({ id: "a" }));
  await world.until("heard", () => counted(world).length === 1);
  await world.clock.advance(400_000);
  await world.crash("counter");
  const { counter } = world.databases;
  counter.restore(counter.snapshot());
  await world.startCounter();
  world.server.wipe();
  await world.service("counter").execute(Count({ id: "b" }));
  await world.loadTopology();

  await world.until("caught up", () => counted(world).length === 2, 1_000_000);

  assertEquals(counted(world).map(({ key }) => key), ["a", "b"]);
});
