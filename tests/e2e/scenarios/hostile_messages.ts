import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { sha256 } from "@mesh/base";
import { type SigningKey, signingKeyFromJwk } from "@mesh/envelope";
import type { PlaceOrder } from "@shop/orders";
import { waitFor } from "../harness/mod.ts";
import { asAddressed, type Attack, attacksOn, genuineOrder, type StolenKeys } from "./attacks.ts";
import { openRogueClient } from "./rogue_client.ts";
import type { Scenario, World } from "./world.ts";

/** Somebody has stolen logins at the broker, and for part of the attacks signing keys, too. */
export const hostileMessages: readonly Scenario[] = [
  {
    name: "every hostile message is put away with its reason and never handled, and the queue goes on",
    run: async (world) => {
      await world.stock({ sku: "HOS-0001", units: 10 });
      const keys = await stolenKeys(world);
      await using gateway = await rogueWith(world, "gateway");
      await using shipping = await rogueWith(world, "shipping");
      const purchase = await purchaseSeen(world);
      const genuine = genuineOrder(purchase, keys);
      const orderId = genuine.claims.cor;
      world.done.accepted.add(orderId);
      assertEquals(await gateway.publish(asAddressed(genuine)), "confirmed");
      await untilConfirmed(world, orderId);
      const eventsBefore = await world.records.events("orders", { correlation: orderId });

      const attacks = attacksOn(purchase, genuine, keys);
      for (const { name, login, message } of attacks) {
        world.done.hostileDigests.add(sha256(message.body));
        const rogue = login === "gateway" ? gateway : shipping;
        assertEquals([name, await rogue.publish(message)], [name, "confirmed"]);
      }
      // The genuine message again, and after it something whose end can be seen.
      await gateway.publish(asAddressed(genuine));
      const last = genuineOrder(purchase, keys);
      world.done.accepted.add(last.claims.cor);
      await gateway.publish(asAddressed(last));
      await untilConfirmed(world, last.claims.cor);

      assertEquals(await untilPutAway(world, attacks), attacks.map(verdictOf));
      assertEquals(await world.records.events("orders", { correlation: orderId }), eventsBefore);
    },
  },
  {
    name: "whatever was not genuine has left a signed finding",
    run: async (world) => {
      for (const service of ["orders", "inventory", "orchestrator"]) {
        const letters = await lettersOf(world, service);
        const untrusted = letters.filter((letter) => letter.class === "untrusted").map(({ id }) => id);
        const findings = await world.records.events(service, { type: `${service}.security-rejected` });
        assertEquals(findings.map(({ data }) => data.deadLetterId).sort(), untrusted.sort());
        assertEquals(untrusted.length > 0, true);
      }
    },
  },
  {
    name: "the broker itself refuses what a login may not publish, and another's name",
    run: async (world) => {
      await using rogue = await rogueWith(world, "gateway");
      const place = { exchange: "mesh.commands", routingKey: "orders.place-order.v1.k00", body: "x" };
      const outcomes = [
        await rogue.publish({ ...place, routingKey: "orders.confirm-order.v1.k00" }),
        await rogue.publish({ ...place, exchange: "mesh.events", routingKey: "orders.order-confirmed.v1.k00.c00" }),
        await rogue.publish({ ...place, exchange: "", routingKey: "orders.in.p0" }),
        await rogue.publish({ ...place, userId: "orders" }),
      ];
      assertEquals(outcomes, [403, 403, 403, 406]);
    },
  },
];

type Verdict = readonly [name: string, receiver: string, kind: string, reason: string];

function verdictOf({ name, receiver, class: kind, reason }: Attack): Verdict {
  return [name, receiver, kind, reason];
}

/** Waits until all are put away; says where and why. */
async function untilPutAway(world: World, attacks: readonly Attack[]): Promise<readonly Verdict[]> {
  return await waitFor("all attacks in quarantine", async () => {
    const found = new Map<string, readonly [receiver: string, kind: string, reason: string]>();
    for (const service of ["orders", "inventory", "orchestrator"]) {
      for (const letter of await lettersOf(world, service)) {
        found.set(letter.digest, [service, letter.class, letter.reason]);
      }
    }
    const verdicts = attacks.map(({ name, message }) => [name, found.get(sha256(message.body))] as const);
    return verdicts.every(([, verdict]) => verdict !== undefined) &&
      verdicts.map(([name, verdict]): Verdict => [name, ...verdict!]);
  });
}

interface Letter {
  readonly id: string;
  readonly class: string;
  readonly reason: string;
  readonly digest: string;
}

async function lettersOf({ records }: World, service: string): Promise<readonly Letter[]> {
  return await records.sql(service)<Letter[]>`select id, class, reason, digest from mesh.dead_letter order by id`;
}

async function untilConfirmed({ records }: World, orderId: string): Promise<void> {
  await waitFor(`order ${orderId} confirmed`, async () => {
    const found = await records.events("orders", { type: "orders.order-confirmed", correlation: orderId });
    return found.length > 0;
  });
}

/** What a customer has bought once: customer, address and product exist. */
async function purchaseSeen(world: World): Promise<Omit<Parameters<typeof PlaceOrder>[0], "orderId">> {
  const customer = await world.customer();
  const orderId = await customer.place({ lines: [{ sku: "HOS-0001", units: 1 }] });
  await customer.untilEnded(orderId);
  const [placed] = await world.records.events("orders", { type: "orders.order-placed", correlation: orderId });
  const { orderId: _id, totalMinor: _total, ...purchase } = placed!.data;
  return purchase as Omit<Parameters<typeof PlaceOrder>[0], "orderId">;
}

async function stolenKeys({ shop }: World): Promise<StolenKeys> {
  const keyOf = async (service: string): Promise<SigningKey> =>
    signingKeyFromJwk(service, await Deno.readTextFile(shop.environmentOf(service).MESH_SIGNING_KEY_FILE!));
  const [gateway, orchestrator, shipping] = await Promise.all(["gateway", "orchestrator", "shipping"].map(keyOf));
  return { gateway: gateway!, orchestrator: orchestrator!, shipping: shipping! };
}

function rogueWith({ shop }: World, service: string) {
  return openRogueClient(shop.environmentOf(service).MESH_AMQP_URL!);
}
