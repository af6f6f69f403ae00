import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { systemIds } from "@mesh/base";
import { waitFor } from "../harness/mod.ts";
import type { Answer } from "../storefront/mod.ts";
import type { Scenario, World } from "./world.ts";

const ids = systemIds();
const brokenSku = "RED-0001";
const soundSku = "RED-0002";

/** A handler that fails, and an operator who helps. */
export const redrive: readonly Scenario[] = [
  {
    name:
      "a message whose handler fails is tried six times, dies, and goes through when the cause is gone and it is redriven",
    run: async (world) => {
      await world.stock({ sku: brokenSku, units: 5 });
      await world.stock({ sku: soundSku, units: 5 });
      const customer = await world.customer();
      await breakSnapshot(world);

      const counted = await world.staff.request("POST", `/v1/staff/products/${brokenSku}/stock-counts`, {
        body: { warehouse: "busan", unitsOnHand: 7 },
        headers: { "idempotency-key": ids.next() },
      });
      const { commandId } = counted.body as { commandId: string };
      const sound = await customer.untilEnded(await customer.place({ lines: [{ sku: soundSku, units: 1 }] }));
      assertEquals(sound.status, "confirmed");
      const letter = await deathOf(world, commandId);
      world.done.doomedDigests.add(letter.digest);
      assertEquals([letter.class, letter.reason, letter.attempts], ["exhausted", "unclassified", 6]);
      assertEquals((await countsOf(world)).length, 1);

      await world.records.sql("inventory")`delete from mesh.snapshot where stream = ${`inventory/${brokenSku}`}`;
      await restart(world);
      const redriven = await operate(world, "dead-letters/redrive", { ids: [letter.id], reason: "snapshot repaired" });
      assertEquals(redriven.status, 200);
      await waitFor("the count", async () => (await countsOf(world)).length === 2);
      const [, count] = await countsOf(world);
      assertEquals([count?.unitsOnHand, count?.unitsFree], [7, 7]);
      const acts = await world.records.events("inventory", { type: "inventory.operator-acted" });
      assertEquals(acts.map(({ data }) => [data.action, data.subjects]), [["dead-letter-redriven", [letter.id]]]);
      assertEquals((await operate(world, "dead-letters/redrive", { ids: [letter.id], reason: "again" })).status, 409);
    },
  },
  {
    name: "operators' routes are closed to everybody else",
    run: async ({ shop, staff }) => {
      const url = `${shop.internalUrl("inventory")}/operator/v1/dead-letters`;
      const statusWith = async (headers: Record<string, string>) => {
        const response = await fetch(url, { headers });
        await response.body?.cancel();
        return response.status;
      };
      const bearer = { authorization: `Bearer ${staff.token}` };
      assertEquals([await statusWith({}), await statusWith(bearer)], [401, 403]);
    },
  },
];

/** A snapshot that no code has written: whatever is decided on it fails. */
async function breakSnapshot(world: World): Promise<void> {
  await world.shop.child("inventory").stop();
  await world.records.sql("inventory")`
    insert into mesh.snapshot (stream, state_version, version, state)
    values (${`inventory/${brokenSku}`}, '1', 1, 'null')`;
  world.shop.restart("inventory");
  await world.shop.untilReady("inventory");
}

/** States in memory are as broken as the snapshot that they were read from. */
async function restart({ shop }: World): Promise<void> {
  await shop.child("inventory").stop();
  shop.restart("inventory");
  await shop.untilReady("inventory");
}

interface Letter {
  readonly id: string;
  readonly class: string;
  readonly reason: string;
  readonly attempts: number;
  readonly digest: string;
}

async function deathOf({ records }: World, messageId: string): Promise<Letter> {
  return await waitFor(`the death of ${messageId}`, async () => {
    const [letter] = await records.sql("inventory")<Letter[]>`
      select id, class, reason, attempts, digest from mesh.dead_letter where message_id = ${messageId}`;
    return letter;
  });
}

/** Figures of the counts of the broken product. */
async function countsOf({ records }: World) {
  const counts = await records.events("inventory", { type: "inventory.stock-counted" });
  return counts.map(({ data }) => data).filter(({ sku }) => sku === brokenSku);
}

/** Acts as an operator on the internal port of `inventory`. */
async function operate({ shop, operator }: World, path: string, body: unknown): Promise<Pick<Answer, "status">> {
  const response = await fetch(`${shop.internalUrl("inventory")}/operator/v1/${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${operator.token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  await response.body?.cancel();
  return { status: response.status };
}
