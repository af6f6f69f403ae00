import { deepStrictEqual as assertEquals, rejects as assertRejects } from "node:assert/strict";
import { sha256, systemClock, systemIds } from "@mesh/base";
import { brokerTopology, MemoryBrokerServer } from "@mesh/broker";
import { answering, type AnyEvent } from "@mesh/contract";
import { emitPolicyFrom, fixedKeyDirectory, generateSigningKey, policyIndex } from "@mesh/envelope";
import { defaultSettings, internalApp, type Operations, silentLog, silentMeter, startService } from "@mesh/runtime";
import { type SagaState, waitingFor } from "@mesh/saga";
import { noWrites, type Store } from "@mesh/store";
import { received, testContext } from "@mesh/testing";
import { StockReserved } from "@shop/inventory";
import { OrderPlaced } from "@shop/orders";
import { PaymentAuthorized } from "@shop/payments";
import { orchestratorHost } from "./host.ts";
import { service } from "./service.ts";

const ids = systemIds();
const host = orchestratorHost({ attentionAfterMs: 1 });
const tokenHash = "A".repeat(43);
const by = { subject: "operator-1", via: "operator", tokenHash };
const reason = "the carrier said so";
const minuteMs = 60_000;

/**
 * Holds the orchestrator on some store to what operators may see of sagas and do to them.
 *
 * @param name Of the store, for the tests' names.
 * @param open Gives a store on an empty database; the suite closes it.
 */
export function testOperatorActs(name: string, open: () => Promise<Store>): void {
  for (const [promise, check] of Object.entries(promises)) {
    Deno.test(`the orchestrator on ${name} ${promise}`, async () => {
      await using store = await open();
      await withOperations(store, (operations) => check({ store, operations }));
    });
  }
}

interface Given {
  readonly store: Store;
  readonly operations: Operations;
}

const promises: Readonly<Record<string, (given: Given) => Promise<void>>> = {
  "lists timers with what they are for, and explains one": async ({ store, operations }) => {
    const first = await seed(store, 0);
    const second = await seed(store, 0, minuteMs);
    const { items, next } = await operations.listTimers({ prefix: "orchestrator/", limit: 9 });
    assertEquals(items.map(({ stream, dueAtMs }) => [stream, dueAtMs]), [
      [first.stream, first.state.deadlineMs],
      [second.stream, second.state.deadlineMs],
    ]);
    assertEquals(next, null);
    const page = await operations.listTimers({ prefix: "", limit: 1 });
    const rest = await operations.listTimers({ prefix: "", limit: 1, after: page.next! });
    assertEquals(rest.items.map(({ stream }) => stream), [second.stream]);

    const explained = await operations.explain(first.stream);
    assertEquals([explained?.dueAtMs, explained?.timer?.firedAtMs], [first.state.deadlineMs, null]);
    assertEquals(explained?.unanswered.map(({ messageId }) => messageId), idsOf(first.state));
    assertEquals(await operations.explain("orchestrator/place-order/unknown"), undefined);
    assertEquals(await operations.explain("orchestrator/log-p0"), undefined);
  },

  "records an act in the saga's own stream, signed, with who did it, once per id": async ({ store, operations }) => {
    const { stream, state } = await seed(store, 0);
    const id = ids.next();
    const act = { id, reason, act: { name: "shift-timer", byMs: minuteMs } };
    const done = await operations.act(stream, act, by);
    const again = await operations.act(stream, act, by);
    assertEquals([done?.isRepeat, again?.isRepeat], [false, true]);
    assertEquals([done?.dueAtMs, again?.dueAtMs], [state.deadlineMs! + minuteMs, state.deadlineMs! + minuteMs]);

    const envelopes = await store.readStream(stream, 2, 9);
    assertEquals(envelopes.length, 1);
    const claims = payloadOf(envelopes[0]!.envelope);
    assertEquals([claims.evt, claims.act.sub, claims.dat.input.id, claims.dat.input.reason], [
      "orchestrator.saga-operated",
      by.subject,
      id,
      reason,
    ]);
  },

  "ends a command that is settled by hand, and asks for the next": async ({ store, operations }) => {
    const { stream, state } = await seed(store, 2);
    const [captureId] = idsOf(state);
    const data = { orderId: orderIdOf(stream), amountMinor: 998, currency: "EUR", postings: [], isRepeat: false };
    const settled = { id: ids.next(), reason, act: { name: "settle", outcome: "succeeded", data } };
    await assertRejects(operations.act(stream, { ...settled, act: { name: "compensate" } }, by), {
      code: "store.conflict",
    });
    await operations.act(stream, settled, by);
    const { unanswered } = (await operations.explain(stream))!;
    assertEquals(unanswered.map(({ type }) => type), ["shipping.arrange-shipment"]);
    assertEquals(unanswered.some(({ messageId }) => messageId === captureId), false);
  },

  "has unanswered commands sent again at once when it resumes": async ({ store, operations }) => {
    const { stream } = await seed(store, 2);
    const [entry] = await store.claimOutbox({ limit: 9, olderThanMs: 0, leaseMs: minuteMs });
    await store.settleOutbox({ confirmed: [entry!.id], failed: [] });
    const before = (await operations.explain(stream))!.unanswered[0]!;
    const after = (await operations.act(stream, { id: ids.next(), reason, act: { name: "resume" } }, by))!
      .unanswered[0]!;
    assertEquals([before.messageId, before.nextAtMs - after.nextAtMs > 20_000], [after.messageId, true]);
  },

  "answers operators over HTTP, and nobody else": async ({ store, operations }) => {
    const { stream } = await seed(store, 1);
    const app = internalApp({
      service: "orchestrator",
      store,
      log: silentLog,
      faults: () => [],
      renderMetrics: () => Promise.resolve(""),
      verifyCall: () => Promise.resolve("nobody"),
      accessTokens: {
        verify: (token) =>
          Promise.resolve({
            subject: "operator-1",
            scopes: new Set([token]),
            tokenHash,
            clientId: "test",
            expiresAtMs: 0,
          }),
      },
      operations,
    });
    const ask = async (path: string, body?: unknown, scope = "operator") => {
      const response = await app.request(`/operator/v1/${path}`, {
        headers: { authorization: `Bearer ${scope}`, "content-type": "application/json" },
        ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
      });
      return [response.status, await response.json()];
    };
    const act = { name: "compensate" };
    const id = ids.next();
    const path = `timers/${encodeURIComponent(stream)}`;
    assertEquals((await ask("acts", { stream, reason, act }, "customer"))[0], 403);
    assertEquals((await ask("acts", { stream, act }))[0], 400);
    assertEquals((await ask("acts", { stream, reason, act: { name: "explode" } }))[0], 400);
    assertEquals((await ask("acts", { stream: "orchestrator/place-order/x", reason, act }))[0], 404);
    assertEquals((await ask(path))[1].explanation.step, "authorizePayment");
    const [status, acted] = await ask("acts", { stream, id, reason, act });
    assertEquals([status, acted.id, acted.explanation.phase], [200, id, "turning-back"]);
    assertEquals((await ask("acts", { stream, id, reason, act }))[1].isRepeat, true);
    assertEquals((await ask("acts", { stream, reason, act }))[0], 409);
    assertEquals((await ask(`timers?prefix=${encodeURIComponent(stream)}`))[1].items.length, 1);
    assertEquals((await ask("timers?limit=0"))[0], 400);
  },
};

/**
 * Stores a saga as a turn of the orchestrator would have; its commands wait in the outbox.
 *
 * @param answered Steps that have succeeded: 2 for one at its pivot, which needs attention then.
 */
async function seed(
  store: Store,
  answered: number,
  laterMs = 0,
): Promise<{ readonly stream: string; readonly state: SagaState }> {
  const orderId = ids.next();
  const key = `place-order/${orderId}`;
  const stream = `orchestrator/${key}`;
  const nowMs = (await store.nowMs()) + minuteMs + laterMs;
  const context = { ...testContext(), now: new Date(nowMs), newId: ids.next };
  const events: AnyEvent[] = [];
  let state: SagaState = host.initialState(key);
  const take = (turn: ReturnType<typeof host.decide>) => {
    for (const event of turn.filter((one) => one.kind === "event") as AnyEvent[]) {
      events.push(event);
      state = host.evolve(state, event);
    }
  };
  const hear = (event: AnyEvent) => take(host.decide(state, received(event, { correlation: orderId }), context));
  hear(placed(orderId));
  for (const event of answers(orderId).slice(0, answered)) hear(answering(idsOf(state), event));
  if (answered === 2) take(host.decideTimer(state, context));
  const rows = events.map(({ type, version: schemaVersion, data }, at) => ({
    stream,
    version: at + 1,
    id: ids.next(),
    type,
    schemaVersion,
    correlation: orderId,
    re: [],
    data,
    envelope: `envelope ${stream} ${at}`,
    hash: sha256(`${stream} ${at}`),
  }));
  const outbox = idsOf(state).map((messageId) => ({
    id: ids.next(),
    kind: "command" as const,
    messageId,
    type: "seeded.command",
    exchange: "mesh.commands",
    routingKey: "seeded.command.v1.k00",
    correlation: orderId,
    orderKey: stream,
    isMandatory: true,
    headers: {},
    envelope: `envelope ${messageId}`,
    sentCount: 0,
  }));
  await store.commit({
    ...noWrites,
    expected: [{ stream, version: 0 }],
    events: rows,
    outbox,
    timers: [{ stream, dueAtMs: state.deadlineMs }],
  });
  return { stream, state };
}

function idsOf({ progress }: SagaState): readonly string[] {
  return waitingFor(progress).map(({ id }) => id);
}

function orderIdOf(stream: string): string {
  return stream.slice(stream.lastIndexOf("/") + 1);
}

function placed(orderId: string): AnyEvent {
  return OrderPlaced({
    orderId,
    customerId: ids.next(),
    addressRef: ids.next(),
    lines: [{ sku: "TEA-0001", units: 2, unitPriceMinor: 499, priceEventId: ids.next() }],
    currency: "EUR",
    paymentMethod: "pm_card_visa",
    totalMinor: 998,
  });
}

function answers(orderId: string): readonly AnyEvent[] {
  const money = { orderId, amountMinor: 998, currency: "EUR", postings: [], isRepeat: false };
  return [
    StockReserved({ orderId, sku: "TEA-0001", units: 2, warehouse: "ams", unitsFree: 5 }),
    PaymentAuthorized({ ...money, providerRef: "pi_1" }),
  ];
}

function payloadOf(envelope: string) {
  const payload = Uint8Array.fromBase64(envelope.split(".")[1]!, { alphabet: "base64url" });
  return JSON.parse(new TextDecoder().decode(payload));
}

/** Starts the orchestrator without anybody to talk to: what it says stays on its way, and no timer fires by itself. */
async function withOperations(store: Store, work: (operations: Operations) => Promise<void>): Promise<void> {
  const server = new MemoryBrokerServer({ clock: systemClock });
  await server.load(brokerTopology([service], { partitions: 1 }));
  const broker = await server.connect("orchestrator");
  const never = () => Promise.reject(new Error("nobody's feed is read"));
  const running = await startService({
    definition: { ...service, subscribes: [], commandsItself: false },
    behaviour: { ...host, hasTimers: true },
    broker,
    store,
    signingKey: generateSigningKey("orchestrator").key,
    keys: fixedKeyDirectory({}),
    policy: policyIndex(emitPolicyFrom([service])),
    feeds: { read: never, readStream: never },
    clock: systemClock,
    ids,
    log: silentLog,
    meter: silentMeter,
    settings: { ...defaultSettings, drainMs: 200, sweepEveryMs: 600_000, timerEveryMs: 600_000 },
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
