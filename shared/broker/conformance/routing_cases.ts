import { deepStrictEqual as assertEquals, rejects } from "node:assert/strict";
import { ContractError, slotCount, UnavailableError } from "@mesh/base";
import { slotWord } from "@mesh/contract";
import { mailboxQueue, partitionOfSlot, retryExchange } from "../topology_names.ts";
import type { CaseTable } from "./case_table.ts";
import { command, conformanceTopology, event, idsOf, publishWhenUp, refuses, takeExactly, tierMs } from "./world.ts";

/** Where messages go, where they must not go, and what is said of them. */
export const routingCases: CaseTable = {
  "brings every slot of a command to the partition that holds it": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(2));
    const publisher = await (await world.connect("planner")).openPublisher();
    const consumer = await (await world.connect("shelf")).openConsumer({ queues: mailboxes("shelf", 2) });
    const keys = slots().map((slot) => `shelf.put-away.v1.k${slotWord(slot)}`);

    await Promise.all(keys.map((routingKey) => publisher.publish(command(routingKey, { routingKey }))));

    const deliveries = await takeExactly(consumer, slotCount);
    assertEquals(
      deliveries.map(({ queue, routingKey }) => `${routingKey} ${queue}`).sort(),
      keys.map((routingKey, slot) => `${routingKey} ${mailboxQueue("shelf", partitionOfSlot(slot, 2))}`),
    );
  },

  "brings one event to one subscriber by its key and to another by its correlation": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(2));
    const publisher = await (await world.connect("shelf")).openPublisher();
    const byKey = await (await world.connect("herald")).openConsumer({ queues: mailboxes("herald", 2) });
    const byCorrelation = await (await world.connect("planner")).openConsumer({ queues: mailboxes("planner", 2) });
    const keys = slots().map((slot) => `shelf.was-put-away.v1.k${slotWord(slot)}.c${slotWord(slotCount - 1 - slot)}`);

    await Promise.all(keys.map((routingKey) => publisher.publish(event(routingKey, { routingKey }))));

    const heard = async (consumer: Parameters<typeof takeExactly>[0]) =>
      (await takeExactly(consumer, slotCount)).map(({ queue, routingKey }) => `${routingKey} ${queue}`).sort();
    assertEquals(
      await heard(byKey),
      keys.map((routingKey, slot) => `${routingKey} ${mailboxQueue("herald", partitionOfSlot(slot, 2))}`),
    );
    assertEquals(
      await heard(byCorrelation),
      keys.map((routingKey, slot) =>
        `${routingKey} ${mailboxQueue("planner", partitionOfSlot(slotCount - 1 - slot, 2))}`
      ),
    );
  },

  "hands over body, properties and headers as they were published, with the publisher's user": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const publisher = await (await world.connect("planner")).openPublisher();
    const consumer = await (await world.connect("shelf")).openConsumer({ queues: mailboxes("shelf", 1) });
    const headers = { traceparent: "00-1-2-01", "mesh-attempt": "1" };

    await publisher.publish(command("m1", { headers }));

    assertEquals(await takeExactly(consumer, 1), [{
      body: new TextEncoder().encode("body of m1"),
      queue: "shelf.in.p0",
      exchange: "mesh.commands",
      routingKey: command("m1").routingKey,
      messageId: "m1",
      type: "shelf.put-away",
      userId: "planner",
      headers,
      isRedelivered: false,
    }]);
  },

  "carries a body of 48 KiB": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const publisher = await (await world.connect("planner")).openPublisher();
    const consumer = await (await world.connect("shelf")).openConsumer({ queues: mailboxes("shelf", 1) });
    const body = Uint8Array.from({ length: 48 * 1024 }, (_, at) => at % 251);

    assertEquals(await publisher.publish(command("m1", { body })), "confirmed");

    assertEquals((await takeExactly(consumer, 1))[0]?.body, body);
  },

  "returns a mandatory message that no queue takes, and confirms one that need not be taken": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const planner = await (await world.connect("planner")).openPublisher();
    const shelf = await (await world.connect("shelf")).openPublisher();
    const unheard = { routingKey: "nobody.vanish.v1.k00" };

    const outcomes = await Promise.all([
      planner.publish(command("m1")),
      planner.publish(command("m2", unheard)),
      planner.publish(command("m3", { ...unheard, isMandatory: false })),
      planner.publish(command("m4")),
      shelf.publish(event("m5", { routingKey: "shelf.was-dusted.v1.k00.c00" })),
    ]);

    assertEquals(outcomes, ["confirmed", "returned", "confirmed", "confirmed", "confirmed"]);
  },

  "refuses what a user may not publish, routes none of it, and goes on": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const planner = await (await world.connect("planner")).openPublisher();
    const consumer = await (await world.connect("shelf")).openConsumer({ queues: mailboxes("shelf", 1) });
    const forbidden = [
      event("another's event"),
      command("a command that it may not send", { routingKey: "shelf.burn-down.v1.k00" }),
      command("another's internal command", { routingKey: "shelf.fire-timer.v1.k00" }),
      command("another's mailbox by a tier", { exchange: retryExchange(tierMs), routingKey: "shelf.in.p0" }),
      command("another's dead letters", { exchange: "mesh.dead", routingKey: "shelf" }),
      command("another's intake", { exchange: "shelf.by-key" }),
      command("another's mailbox by the default exchange", { exchange: "", routingKey: "shelf.in.p0" }),
    ];

    for (const outgoing of forbidden) {
      await publishWhenUp(world, planner, command(`before ${outgoing.messageId}`));
      await refuses(planner, outgoing, "access-refused");
    }
    await publishWhenUp(world, planner, command("last"));

    const expected = [...forbidden.map(({ messageId }) => `before ${messageId}`), "last"];
    assertEquals(idsOf(await takeExactly(consumer, expected.length)), expected);
  },

  "fails what was in flight behind a refused publish, and routes none of that": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const planner = await (await world.connect("planner")).openPublisher();
    const consumer = await (await world.connect("shelf")).openConsumer({ queues: mailboxes("shelf", 1) });
    await planner.publish(command("before"));

    const bad = refuses(planner, command("bad", { routingKey: "shelf.burn-down.v1.k00" }), "access-refused");
    const behind = rejects(planner.publish(command("behind")), UnavailableError);
    await Promise.all([bad, behind]);
    await publishWhenUp(world, planner, command("after"));

    assertEquals(idsOf(await takeExactly(consumer, 2)), ["before", "after"]);
  },

  "refuses what no broker may carry: a large body, a long key, a header of the broker's own": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const planner = await (await world.connect("planner")).openPublisher();
    const consumer = await (await world.connect("shelf")).openConsumer({ queues: mailboxes("shelf", 1) });
    const faults = [
      { body: new Uint8Array(48 * 1024 + 1) },
      { routingKey: "k".repeat(256) },
      { messageId: "장".repeat(86) },
      { headers: { "x-death": "never" } },
      { headers: { CC: "shelf.in.p0" } },
    ];

    for (const fault of faults) await rejects(planner.publish(command("bad", fault)), ContractError);

    assertEquals(await planner.publish(command("good")), "confirmed");
    assertEquals(idsOf(await takeExactly(consumer, 1)), ["good"]);
  },

  "brings a service the commands that it sends to itself": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const broker = await world.connect("shelf");
    const publisher = await broker.openPublisher();
    const consumer = await broker.openConsumer({ queues: mailboxes("shelf", 1) });

    const outcome = await publisher.publish(command("m1", { routingKey: "shelf.record-outcome.v1.k63" }));

    assertEquals([outcome, idsOf(await takeExactly(consumer, 1))], ["confirmed", ["m1"]]);
  },

  "brings a message back from a tier with its headers, three times over": async (harness) => {
    await using world = await harness.openWorld(conformanceTopology(1));
    const broker = await world.connect("shelf");
    const publisher = await broker.openPublisher();
    const consumer = await broker.openConsumer({ queues: mailboxes("shelf", 1) });
    const seen: unknown[] = [];

    for (const attempt of ["1", "2", "3"]) {
      const outgoing = command("m1", {
        exchange: retryExchange(tierMs),
        routingKey: "shelf.in.p0",
        headers: { "mesh-attempt": attempt },
      });
      assertEquals(await publisher.publish(outgoing), "confirmed");
      await world.passTime(tierMs);
      const [delivery] = await takeExactly(consumer, 1);
      seen.push([delivery!.exchange, delivery!.routingKey, delivery!.userId, delivery!.headers, delivery!.lastDeath]);
      consumer.ackThrough(delivery!);
    }

    const lastDeath = { reason: "expired", queue: `shelf.retry.${tierMs}` };
    assertEquals(
      seen,
      ["1", "2", "3"].map((attempt) => ["", "shelf.in.p0", "shelf", { "mesh-attempt": attempt }, lastDeath]),
    );
  },
};

function mailboxes(service: string, partitions: number): readonly { readonly queue: string }[] {
  return Array.from({ length: partitions }, (_, partition) => ({ queue: mailboxQueue(service, partition) }));
}

function slots(): readonly number[] {
  return Array.from({ length: slotCount }, (_, slot) => slot);
}
