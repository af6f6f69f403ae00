import { deepStrictEqual as assertEquals, ok as assert } from "node:assert/strict";
import { ReserveStock } from "@shop/inventory";
import { openVoice, waitFor } from "../../e2e/harness/mod.ts";
import { operatorOf } from "../operator.ts";
import { hotSku, type LaneShop, unitsThatFail, unitsThatKill, withLaneShop } from "./lane_shop.ts";

interface ListedLane {
  readonly lane: string;
  readonly state: string;
  readonly parkedCount: number;
}

Deno.test("a shop in which messages fail", async (test) => {
  await withLaneShop(async (world) => {
    await test.step("finds the one that takes the process down with it, and does not let its neighbours die", async () => {
      await findKiller(world);
    });
    await test.step("lets nothing overtake one that is dead, of its key and order, and holds up nothing else", async () => {
      await letNothingOvertake(world);
    });
  });
});

/** Restarts until the message is dead: six, and two that other messages may have been in the way of. */
const restartsMax = 8;

async function findKiller(world: LaneShop): Promise<void> {
  const { shop } = world;
  const customer = await world.customer();
  await customer.place({ lines: [{ sku: hotSku, units: unitsThatKill }] });
  const others = await Promise.all([1, 2, 3].map((units) => customer.place({ lines: [{ sku: hotSku, units }] })));
  const deaths = async () => (await world.records.deadLetters()).map((letter) => [letter.class, letter.reason]);
  let restartCount = 0;
  const operate = await operatorOf(shop);
  await waitFor("the death of the message", async () => {
    if (!shop.child("inventory").isRunning) {
      restartCount += 1;
      shop.restart("inventory");
      await shop.untilReady("inventory").catch(() => {});
    }
    return (await deaths()).length > 0;
  }, 120_000);

  assertEquals(await deaths(), [["defect", "ended-the-process"]]);
  assert(restartCount <= restartsMax, `${restartCount} restarts`);
  for (const other of others) assertEquals((await customer.untilEnded(other)).status, "confirmed");
  const { items } = await operate("inventory", "lanes") as { readonly items: readonly ListedLane[] };
  assertEquals(items.map(({ state }) => state), ["dead"]);
}

async function letNothingOvertake(world: LaneShop): Promise<void> {
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
}

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
