import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { commandClaims, signEnvelope } from "@mesh/envelope";
import { type DeadLetterEntry, noWrites } from "@mesh/store";
import { keptBody } from "./intake.ts";
import { actsOf, by, everything, itemsOf, operationsOf, start, untilStatus, worldWith } from "./redrive_fixture.ts";
import { RedriveLimits, type RedriveSelection } from "./redrive_terms.ts";
import { Count, Wait } from "./test_world.ts";

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
