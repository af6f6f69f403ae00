import { deepStrictEqual as assertEquals, ok as assert, rejects as assertRejects } from "node:assert/strict";
import { commandClaims, signEnvelope } from "@mesh/envelope";
import { type DeadLetterEntry, noWrites, type RedriveItemState, type StoredRedriveItem } from "@mesh/store";
import { keptBody } from "./intake.ts";
import { RedriveLimits, RedriveSelection } from "./redrive_terms.ts";
import { Break, Count, Wait, World } from "./test_world.ts";

const by = { subject: "operator-1", via: "operator" };
const everything = RedriveSelection.parse({});

/** A world in which so many commands have died, and whose cause is not mended. */
async function worldWith(count: number, correlationOf: (at: number) => string = (at) => `flow-${at}`): Promise<World> {
  const world = await World.open();
  await world.startCounter();
  await world.startAsker();
  world.mood.isBroken = true;
  for (let at = 0; at < count; at += 1) {
    await world.service("asker").send(Break({ id: `k${at}` }), { correlation: correlationOf(at) });
  }
  await world.until("all are dead", async () => (await world.store("counter").readStatus()).deadLetterCount === count);
  return world;
}

function operationsOf(world: World) {
  return world.service("counter").operations;
}

async function start(world: World, limits: Partial<RedriveLimits> = {}, selection: Partial<RedriveSelection> = {}) {
  const order = {
    selection: { ...everything, ...selection },
    limits: RedriveLimits.parse({ ratePerSecond: 100, ...limits }),
    reason: "glue is back",
  };
  const redrive = await operationsOf(world).startRedrive(order, by);
  return redrive!.id;
}

async function itemsOf(world: World, id: string): Promise<readonly StoredRedriveItem[]> {
  return await operationsOf(world).listRedriveItems({ id, limit: 1_000 });
}

async function statesOf(world: World, id: string): Promise<readonly RedriveItemState[]> {
  return (await itemsOf(world, id)).map(({ state }) => state);
}

async function statusOf(world: World, id: string): Promise<string> {
  const { status, statusReason } = (await operationsOf(world).findRedrive(id))!;
  return statusReason === "" ? status : `${status}: ${statusReason}`;
}

function untilStatus(world: World, id: string, wanted: string): Promise<void> {
  const what = `the redrive is ${wanted}`;
  return world.until(what, async () => (await statusOf(world, id)).split(":")[0] === wanted, 600_000);
}

/** Acts in the service's signed log, in order. */
async function actsOf(world: World) {
  const { items } = await world.store("counter").readFeed({ after: "", types: ["counter.operator-acted"], limit: 99 });
  return items.map(({ envelope }) => {
    const claims = JSON.parse(new TextDecoder().decode(
      Uint8Array.fromBase64(envelope.split(".")[1]!, { alphabet: "base64url" }),
    ));
    return { ...claims.dat, who: claims.act } as {
      readonly action: string;
      readonly reason: string;
      readonly subjects: readonly string[];
      readonly who: { readonly sub: string; readonly via: string };
    };
  });
}

Deno.test("a redrive takes what it was started with in growing batches, to its end, and every step is a signed event", async () => {
  await using world = await worldWith(7);
  world.mood.isBroken = false;

  const id = await start(world);
  await untilStatus(world, id, "done");

  const items = await itemsOf(world, id);
  assertEquals(
    items.map(({ state, batch }) => [state, batch]),
    [1, 2, 2, 3, 3, 3, 3].map((batch) => ["handled", batch]),
  );
  // The next batch begins when the last message of the one before has its outcome.
  const begins = [1, 2, 3].map((batch) =>
    Math.min(...items.filter((item) => item.batch === batch).map(({ takenAtMs }) => takenAtMs!))
  );
  const ends = [1, 2].map((batch) =>
    Math.max(...items.filter((item) => item.batch === batch).map(({ endedAtMs }) => endedAtMs!))
  );
  assert(begins[1]! >= ends[0]! && begins[2]! >= ends[1]!);
  const repaired = world.heard.filter(({ type }) => type === "counter.repaired");
  assertEquals(repaired.map(({ key }) => key).sort(), ["k0", "k1", "k2", "k3", "k4", "k5", "k6"]);
  const acts = await actsOf(world);
  const letterIds = items.map(({ letterId }) => letterId);
  assertEquals(acts[0], {
    ...acts[0]!,
    action: "redrive-started",
    reason: "glue is back",
    subjects: [id, ...letterIds],
  });
  const taken = acts.filter(({ action }) => action === "dead-letter-redriven");
  assertEquals(taken.flatMap(({ subjects }) => subjects.slice(1)), letterIds);
  assert(taken.every(({ subjects, who }) => subjects[0] === id && who.sub === "operator-1"));
  assertEquals([acts.at(-1)?.action, acts.at(-1)?.reason, acts.at(-1)?.who.sub], [
    "redrive-done",
    "7 handled, 0 dead again, 0 unknown, 0 refused",
    "service:counter",
  ]);
});

Deno.test("a redrive whose messages die again stops by itself after a few single ones, and goes on when it is resumed", async () => {
  await using world = await worldWith(9);

  const id = await start(world);
  await untilStatus(world, id, "stopped");

  assertEquals(await statusOf(world, id), "stopped: 5 of 5 messages died again or were not heard of");
  const stopped = await itemsOf(world, id);
  assertEquals(stopped.map(({ state }) => state), [
    ...Array<string>(5).fill("dead-again"),
    ...Array<string>(4).fill("waiting"),
  ]);
  assertEquals([...new Set(stopped.slice(0, 5).map(({ why }) => why))], ["dependency.unavailable"]);
  const [first] = stopped;
  assertEquals((await operationsOf(world).findDeadLetter(first!.laterId!))?.messageId, first!.messageId);
  assertEquals((await actsOf(world)).at(-1)?.action, "redrive-stopped");

  world.mood.isBroken = false;
  await operationsOf(world).steerRedrive(id, "resume", { reason: "glue at last", by });
  await untilStatus(world, id, "done");
  assertEquals((await itemsOf(world, id)).slice(5).map(({ state, batch }) => [state, batch]), [
    ["handled", 6],
    ["handled", 7],
    ["handled", 7],
    ["handled", 8],
  ]);
});

Deno.test("a redrive never takes what died after it began, nor what somebody else has dealt with meanwhile", async () => {
  await using world = await worldWith(4);
  const { operations } = world.service("counter");
  const letters = (await operations.listDeadLetters({ limit: 9, isOldestFirst: true })).map(({ id }) => id);
  world.mood.isBroken = false;
  // Ten seconds between two messages leave time for what follows.
  const id = await start(world, { ratePerSecond: 0.1 });
  await world.until("the first is taken", async () => (await statesOf(world, id)).includes("taken"));
  await world.until("it is through", () => world.heard.some(({ type }) => type === "counter.repaired"));

  world.mood.isBroken = true;
  const late = await world.service("asker").send(Break({ id: "late" }));
  const isDead = async () =>
    (await operations.listDeadLetters({ status: "dead", limit: 9 })).some(({ messageId }) => messageId === late);
  await world.until("another has died", isDead);
  world.mood.isBroken = false;
  await operations.settleDeadLetters([letters[1]!], "discarded", "not wanted", by);
  await operations.settleDeadLetters([letters[2]!], "redriven", "one by hand", by);
  await untilStatus(world, id, "done");

  const items = await itemsOf(world, id);
  assertEquals(items.map(({ letterId, state, why }) => [letterId, state, why]), [
    [letters[0], "handled", ""],
    [letters[1], "refused", "not-dead"],
    [letters[2], "refused", "not-dead"],
    [letters[3], "handled", ""],
  ]);
  assertEquals([items[1]!.detail, await isDead()], ["it is discarded", true]);
});

Deno.test("a redrive keeps to its rate, and to so many messages of one flow under way", async () => {
  await using world = await worldWith(12, (at) => at < 4 ? "order-1" : `flow-${at}`);
  world.mood.isBroken = false;

  const id = await start(world, { ratePerSecond: 2, perCorrelationMax: 1 });
  let [ofOneFlow, mostOfOneFlow] = [0, 0];
  await world.until("the redrive is done", async () => {
    const items = await itemsOf(world, id);
    ofOneFlow = items.filter(({ state, correlation }) => state === "taken" && correlation === "order-1").length;
    mostOfOneFlow = Math.max(mostOfOneFlow, ofOneFlow);
    return await statusOf(world, id) === "done";
  }, 600_000);

  assertEquals(mostOfOneFlow, 1);
  const items = await itemsOf(world, id);
  assertEquals([...new Set(items.map(({ state }) => state))], ["handled"]);
  const times = items.map(({ takenAtMs }) => takenAtMs!).sort((a, b) => a - b);
  const mostInASecond = Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + 1_000).length));
  assert(mostInASecond <= 2, `${mostInASecond} messages were taken in one second`);
});

Deno.test("a redrive goes on after the service has died, and takes nothing twice", async () => {
  await using world = await worldWith(12);
  world.mood.isBroken = false;
  const id = await start(world, { ratePerSecond: 5 });
  for (const atLeast of [2, 5]) {
    await world.until(`${atLeast} are taken`, async () => {
      return (await statesOf(world, id)).filter((state) => state !== "waiting").length >= atLeast;
    }, 600_000);
    await world.crash("counter");
    await world.startCounter();
  }

  await untilStatus(world, id, "done");

  assertEquals([...new Set(await statesOf(world, id))], ["handled"]);
  const taken = (await actsOf(world)).filter(({ action }) => action === "dead-letter-redriven");
  const subjects = taken.flatMap((act) => act.subjects.slice(1));
  assertEquals([subjects.length, new Set(subjects).size], [12, 12]);
});

Deno.test("a redrive is held, goes on and is ended by operators; what is under way is observed to its end", async () => {
  await using world = await worldWith(6);
  world.mood.isBroken = false;
  const { operations } = world.service("counter");
  const steer = (act: "pause" | "resume" | "cancel") =>
    operations.steerRedrive(id, act, { reason: `please ${act}`, by });
  const id = await start(world, { batchMax: 1 });
  await world.until("one is taken", async () => (await statesOf(world, id)).includes("taken"));

  await steer("pause");
  await world.until("its outcome is known", async () => !(await statesOf(world, id)).includes("taken"));
  const held = await statesOf(world, id);
  await world.clock.advance(120_000);
  assertEquals([await statesOf(world, id), await statusOf(world, id)], [held, "paused: please pause"]);
  await assertRejects(steer("pause"), {
    code: "store.conflict",
    message: `Cannot pause redrive "${id}": it is paused`,
  });

  await steer("resume");
  await world.until("another is taken", async () => (await statesOf(world, id)).includes("taken"));
  await steer("cancel");
  await world.until("its outcome is known", async () => !(await statesOf(world, id)).includes("taken"));
  const states = await statesOf(world, id);
  await world.clock.advance(120_000);
  assertEquals([await statesOf(world, id), await statusOf(world, id)], [states, "cancelled: please cancel"]);
  assertEquals([...new Set(states)].sort(), ["handled", "waiting"]);
  for (const act of ["pause", "resume", "cancel"] as const) await assertRejects(steer(act), { code: "store.conflict" });
  assertEquals(await operations.steerRedrive(world.ids.next(), "pause", { reason: "none", by }), undefined);
  const acts = (await actsOf(world)).map(({ action }) => action).filter((action) => action.startsWith("redrive-"));
  assertEquals(acts, ["redrive-started", "redrive-paused", "redrive-resumed", "redrive-cancelled"]);
});

Deno.test("a message that nothing is heard of counts as failed", async () => {
  await using world = await worldWith(1);
  world.mood.isBroken = false;
  const id = await start(world, { outcomeWithinMs: 1_000, sampleMin: 1 });
  // The road loses it, and its sender is not there to say it again.
  await world.crash("asker");
  await world.until("it is taken", async () => (await statesOf(world, id)).includes("taken"));
  world.server.wipe();
  await world.loadTopology();

  await untilStatus(world, id, "stopped");

  assertEquals((await itemsOf(world, id)).map(({ state, why }) => [state, why]), [["unknown", "silence"]]);
});

Deno.test("a forecast says of every letter whether it would be taken, and why not, and changes nothing", async () => {
  await using world = await worldWith(1);
  const store = world.store("counter");
  const [sound] = await store.listDeadLetters({ limit: 1 });
  const sign = (
    message: Parameters<typeof commandClaims>[0]["message"],
    nowMs = world.clock.nowMs(),
    id = world.ids.next(),
  ) => {
    const claims = commandClaims({ message, id, service: "asker", correlation: "o-1", causation: null, nowMs });
    return { messageId: id, type: message.type, ...bodyOf(signEnvelope(claims, world.keys.asker.key).token) };
  };
  const counted = sign(Count({ id: "a" }));
  const old = `0${world.ids.next().slice(1)}`.replace(/^.{8}-.{4}/, "00000000-0001");
  const letters: Readonly<Record<string, Partial<DeadLetterEntry>>> = {
    untrusted: { ...sign(Count({ id: "a" })), class: "untrusted" },
    cut: { ...sign(Count({ id: "a" })), bodyBytes: 1_000_000 },
    "no-envelope": bodyOf("two\nlines"),
    unproven: bodyOf(`${new TextDecoder().decode(Uint8Array.fromBase64(counted.body)).slice(0, -4)}AAAA`),
    "not-accepted": sign({ ...Count({ id: "a" }), type: "counter.recount" }),
    "off-schema": sign({ ...Wait({ id: "w", dueAtMs: 1 }), data: { id: "w" } }),
    "already-handled": counted,
    "outside-window": sign(Count({ id: "a" }), 0, old),
    expired: sign({ ...Count({ id: "a" }), expiresAtMs: world.clock.nowMs() - 5_000 }),
    "not-dead": sign(Count({ id: "a" })),
    "too-old": sign(Count({ id: "a" })),
  };
  const entries = Object.entries(letters).map(([detail, some]) => ({
    ...letterFrom(sound!),
    id: world.ids.next(),
    detail,
    ...some,
  }));
  await store.commit({
    ...noWrites,
    deadLetters: entries,
    inbox: [{ messageId: counted.messageId, consumer: "counter", digest: "d" }],
  });
  const { deadLetters } = world.databases.counter.tables;
  const idOf = (detail: string) => entries.find((entry) => entry.detail === detail)!.id;
  deadLetters.set(idOf("not-dead"), { ...deadLetters.get(idOf("not-dead"))!, status: "discarded" });
  deadLetters.set(idOf("too-old"), {
    ...deadLetters.get(idOf("too-old"))!,
    diedAtMs: world.clock.nowMs() - 15 * 86_400_000,
  });

  const ids = [sound!.id, ...entries.map(({ id }) => id)];
  const { verdicts, hasMore } = await operationsOf(world).forecastRedrive({ ...everything, ids });

  const told = new Map(verdicts.map(({ letter, why }) => [letter.detail, why]));
  assertEquals([told.get(sound!.detail), hasMore, verdicts.length], ["", false, ids.length]);
  assertEquals(
    Object.keys(letters).map((detail) => [detail, told.get(detail)]),
    Object.keys(letters).map((word) => [word, word]),
  );
  assertEquals(await actsOf(world), []);
  // What a letter is refused for is on record when the redrive is real.
  world.mood.isBroken = false;
  const id = await start(world, {}, { ids });
  await untilStatus(world, id, "done");
  assertEquals((await itemsOf(world, id)).filter(({ state }) => state === "handled").map(({ letterId }) => letterId), [
    sound!.id,
  ]);
});

Deno.test("a selection narrows by class, type, reason, flow, key and number, the oldest first", async () => {
  await using world = await worldWith(4, (at) => `flow-${at % 2}`);
  const wanted = async (selection: Partial<RedriveSelection>) => {
    const { verdicts, hasMore } = await operationsOf(world).forecastRedrive({ ...everything, ...selection });
    return [verdicts.map(({ key }) => key).sort().join(), hasMore];
  };

  assertEquals(await wanted({ correlation: "flow-1" }), ["k1,k3", false]);
  assertEquals(await wanted({ key: "k2" }), ["k2", false]);
  assertEquals(await wanted({ class: "exhausted", type: "counter.break", letterReason: "dependency.unavailable" }), [
    "k0,k1,k2,k3",
    false,
  ]);
  assertEquals([await wanted({ type: "counter.count" }), await wanted({ class: "defect" })], [["", false], [
    "",
    false,
  ]]);
  assertEquals((await wanted({ limit: 3 }))[1], true);
  assertEquals(await wanted({ untilMs: 1 }), ["", false]);
  const order = { selection: { ...everything, key: "nobody" }, limits: RedriveLimits.parse({}), reason: "none" };
  assertEquals(await operationsOf(world).startRedrive(order, by), undefined);
});

Deno.test("a letter whose message died again meanwhile is left to the newer letter", async () => {
  await using world = await worldWith(1);
  const { operations } = world.service("counter");
  const [first] = await operations.listDeadLetters({ limit: 1 });
  await operations.settleDeadLetters([first!.id], "redriven", "try", by);
  await world.until(
    "it died again",
    async () => (await operations.listDeadLetters({ status: "dead", limit: 9 })).length === 1,
  );
  const { deadLetters } = world.databases.counter.tables;
  deadLetters.set(first!.id, { ...deadLetters.get(first!.id)!, status: "dead" });

  const { verdicts } = await operations.forecastRedrive(everything);

  assertEquals(verdicts.map(({ letter, why }) => [letter.id === first!.id, why]).sort(), [[false, ""], [
    true,
    "died-again",
  ]]);
});

function bodyOf(text: string): Pick<DeadLetterEntry, "body" | "bodyBytes" | "digest"> {
  return keptBody(new TextEncoder().encode(text));
}

function letterFrom(letter: DeadLetterEntry): DeadLetterEntry {
  const { messageId, type, class: className, reason, attempts, queue, userId, correlation, body, bodyBytes, digest } =
    letter;
  return {
    id: "",
    detail: "",
    headers: {},
    messageId,
    type,
    class: className,
    reason,
    attempts,
    queue,
    userId,
    correlation,
    body,
    bodyBytes,
    digest,
  };
}
