import { deepStrictEqual as assertEquals, ok as assert } from "node:assert/strict";
import { ReserveStock } from "@shop/inventory";
import { openVoice, waitFor } from "../../e2e/harness/mod.ts";
import { operatorOf } from "../operator.ts";
import { hotSku, type LaneShop, unitsThatFail, withLaneShop } from "./lane_shop.ts";

interface ListedLane {
  readonly lane: string;
  readonly state: string;
  readonly parkedCount: number;
}

Deno.test("a message that fails until it is dead is overtaken by nothing of its key and order, and holds up nothing else", async () => {
  await withLaneShop(async (world) => {
    const { shop } = world;
    const customer = await world.customer();
    const operate = await operatorOf(shop);
    const orderId = await customer.place({ lines: [{ sku: hotSku, units: unitsThatFail }] });
    const lane = `inventory/${hotSku}~${orderId}`;
    const laneNow = async () => {
      const { items } = await operate("inventory", "lanes") as { readonly items: readonly ListedLane[] };
      return items.find((found) => found.lane === lane);
    };
    await waitFor("the first attempt to fail", async () => (await laneNow())?.state === "retry");
    await using voice = await openVoice(shop, "orchestrator");
    const later = await voice.send(ReserveStock({ orderId, sku: hotSku, units: 1 }), { correlation: orderId });
    await waitFor("the later one to be parked", async () => (await laneNow())?.parkedCount === 1);
    await waitFor("the first one to be dead", async () => (await laneNow())?.state === "dead", 30_000);

    const others = await Promise.all([1, 2, 3].map((units) => customer.place({ lines: [{ sku: hotSku, units }] })));
    for (const other of others) assertEquals((await customer.untilEnded(other)).status, "confirmed");
    assertEquals([(await laneNow())?.parkedCount, await answersTo(world, later.id)], [1, []]);

    await world.mend();
    await operate("inventory", "lanes/release", { lane, reason: "the planted fault is taken out" });
    assertEquals((await customer.untilEnded(orderId)).status, "confirmed");
    await waitFor("the lane to be open", async () => await laneNow() === undefined);

    const [held] = await reservations(world, orderId);
    const [answer] = await answersTo(world, later.id);
    assert(held !== undefined && answer !== undefined && held < answer, `held at ${held}, answered at ${answer}`);
  });
});

/** Positions of the events that answer a command. */
async function answersTo({ records }: LaneShop, commandId: string): Promise<readonly number[]> {
  const rows = await records.sql("inventory")<{ position: number }[]>`
    select e.position from mesh.answer a join mesh.event e on e.id = a.event_id where a.command_id = ${commandId}::uuid`;
  return rows.map(({ position }) => position);
}

/** Positions of the events that hold units for an order. */
async function reservations({ records }: LaneShop, orderId: string): Promise<readonly number[]> {
  const rows = await records.sql("inventory")<{ position: number }[]>`
    select position from mesh.event where correlation = ${orderId} and type = 'inventory.stock-reserved' order by position`;
  return rows.map(({ position }) => position);
}
