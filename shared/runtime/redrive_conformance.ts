import { deepStrictEqual as assertEquals, rejects as assertRejects } from "node:assert/strict";
import { systemClock, systemIds } from "@mesh/base";
import { brokerTopology, MemoryBrokerServer } from "@mesh/broker";
import {
  commandClaims,
  emitPolicyFrom,
  fixedKeyDirectory,
  generateSigningKey,
  keyFile,
  policyIndex,
  signEnvelope,
} from "@mesh/envelope";
import { type DeadLetterEntry, noWrites, type Store } from "@mesh/store";
import { keptBody } from "./intake.ts";
import { silentLog } from "./log.ts";
import { silentMeter } from "./meter.ts";
import type { Operations } from "./operator_routes.ts";
import { startService } from "./service.ts";
import { defaultSettings } from "./settings.ts";
import { askerService, Count, counterService } from "./test_world.ts";

/** A store under test, on an empty database. */
export interface RedriveSubject {
  readonly store: Store;
  /** Lets time pass on the database's clock, and on no other; what is stored may be moved into the past instead. */
  advance(durationMs: number): Promise<void>;
}

const ids = systemIds();
const dayMs = 86_400_000;
const by = { subject: "operator-1", via: "operator" };
const asker = generateSigningKey("asker");

/**
 * Holds a service on some store to what operators may redrive.
 *
 * @param name Of the store, for the tests' names.
 * @param open Gives a subject; the store is closed by the suite.
 */
export function testRedrive(name: string, open: () => Promise<RedriveSubject>): void {
  for (const [promise, check] of Object.entries(promises)) {
    Deno.test(`a service on ${name} ${promise}`, async () => {
      const subject = await open();
      await using store = subject.store;
      await withOperations(store, (operations) => check({ ...subject, operations }));
    });
  }
}

type Given = RedriveSubject & { readonly operations: Operations };

const promises: Readonly<Record<string, (given: Given) => Promise<void>>> = {
  "redrives a dead letter until 14 days after its death": async ({ store, operations, advance }) => {
    const [letter] = await bury(store, 1);
    await advance(14 * dayMs - 60_000);

    await operations.settleDeadLetters([letter!.id], "redriven", "the cause is gone", by);

    assertEquals((await store.findDeadLetter(letter!.id))?.status, "redriven");
  },

  "refuses to redrive an older one and leaves those asked for with it, which can be discarded": async (given) => {
    const { store, operations, advance } = given;
    const [old] = await bury(store, 1);
    await advance(14 * dayMs + 60_000);
    const [young] = await bury(store, 1);
    const both = [young!.id, old!.id];

    await assertRejects(operations.settleDeadLetters(both, "redriven", "the cause is gone", by), {
      code: "store.conflict",
      reason: "too-old",
      message: `Cannot redrive dead letter "${old!.id}": it died more than 14 days ago`,
    });

    assertEquals(await statuses(store, both), ["dead", "dead"]);
    assertEquals((await store.readFeed({ after: "", limit: 9 })).items, []);
    await operations.settleDeadLetters(both, "discarded", "it is too late", by);
    assertEquals(await statuses(store, both), ["discarded", "discarded"]);
  },
};

/** Lets messages die. */
async function bury(store: Store, count: number): Promise<readonly DeadLetterEntry[]> {
  const letters = Array.from({ length: count }, () => {
    const messageId = ids.next();
    const occasion = { service: "asker", correlation: messageId, causation: null, nowMs: systemClock.nowMs() };
    const claims = commandClaims({ message: Count({ id: "a" }), id: messageId, ...occasion });
    return letterOf(messageId, signEnvelope(claims, asker.key).token);
  });
  await store.commit({ ...noWrites, deadLetters: letters });
  return letters;
}

function letterOf(messageId: string, token: string): DeadLetterEntry {
  return {
    id: ids.next(),
    messageId,
    type: "counter.count",
    class: "exhausted",
    reason: "dependency.unavailable",
    detail: "six attempts failed",
    attempts: 6,
    queue: "counter.in.p0",
    userId: "asker",
    correlation: "a",
    ...keptBody(new TextEncoder().encode(token)),
    headers: {},
  };
}

async function statuses(store: Store, letterIds: readonly string[]): Promise<readonly unknown[]> {
  return await Promise.all(letterIds.map(async (id) => (await store.findDeadLetter(id))?.status));
}

/** Starts a service that nothing reaches in time: what is redriven stays on its way. */
async function withOperations(store: Store, work: (operations: Operations) => Promise<void>): Promise<void> {
  const definition = { ...counterService, accepts: [Count], commandsItself: false };
  const { name, text } = keyFile("asker", [{ jwk: asker.publicJwk, status: "active" }]);
  const server = new MemoryBrokerServer({ clock: systemClock });
  await server.load(brokerTopology([counterService], { partitions: 1 }));
  const broker = await server.connect("counter");
  const never = () => Promise.reject(new Error("nobody's feed is read"));
  const running = await startService({
    definition,
    broker,
    store,
    signingKey: generateSigningKey("counter").key,
    keys: fixedKeyDirectory({ [name]: text }),
    policy: policyIndex(emitPolicyFrom([counterService, askerService])),
    feeds: { read: never, readStream: never },
    clock: systemClock,
    ids,
    log: silentLog,
    meter: silentMeter,
    settings: { ...defaultSettings, drainMs: 200 },
    partitions: 1,
    abandon: (reason) => {
      throw new Error(reason);
    },
  });
  try {
    await work(running.operations);
  } finally {
    await running.drain();
    await broker[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  }
}
