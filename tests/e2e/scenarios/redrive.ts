import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { systemIds } from "@mesh/base";
import { waitFor } from "../harness/mod.ts";
import { runMeshCommand } from "../mesh_command.ts";
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
      await breakSnapshot(world, brokenSku);

      const commandId = await askForCount(world, brokenSku, 7);
      const sound = await customer.untilEnded(await customer.place({ lines: [{ sku: soundSku, units: 1 }] }));
      assertEquals(sound.status, "confirmed");
      const letter = await deathOf(world, commandId);
      world.done.doomedDigests.add(letter.digest);
      assertEquals([letter.class, letter.reason, letter.attempts], ["exhausted", "unclassified", 6]);
      assertEquals((await countsOf(world, brokenSku)).length, 1);

      await world.records.sql("inventory")`delete from mesh.snapshot where stream = ${`inventory/${brokenSku}`}`;
      await restart(world);
      const redriven = await operate(world, "dead-letters/redrive", { ids: [letter.id], reason: "snapshot repaired" });
      assertEquals(redriven.status, 200);
      await waitFor("the count", async () => (await countsOf(world, brokenSku)).length === 2);
      const [, count] = await countsOf(world, brokenSku);
      assertEquals([count?.unitsOnHand, count?.unitsFree], [7, 7]);
      const acts = await world.records.events("inventory", { type: "inventory.operator-acted" });
      assertEquals(acts.map(({ data }) => [data.action, data.subjects]), [["dead-letter-redriven", [letter.id]]]);
      assertEquals((await operate(world, "dead-letters/redrive", { ids: [letter.id], reason: "again" })).status, 409);
    },
  },
  {
    name: "many dead letters are looked at by a dry run and redriven by one command, in growing batches",
    run: async (world) => {
      const sku = "RED-0003";
      await world.stock({ sku, units: 5 });
      await breakSnapshot(world, sku);
      const asked: string[] = [];
      for (let units = 10; units < 15; units += 1) asked.push(await askForCount(world, sku, units));
      const letters = await Promise.all(asked.map((commandId) => deathOf(world, commandId)));
      for (const { digest } of letters) world.done.doomedDigests.add(digest);
      const mesh = (...args: string[]) => runMeshCommand(args, { shop: world.shop });
      const choice = ["--service", "inventory", "--type", "inventory.count-stock", "--key", sku];

      const dry = await mesh("dlq", "redrive", ...choice, "--dry-run", "--json");
      const { items } = JSON.parse(dry.out) as {
        readonly items: readonly { readonly letterId: string; why: string }[];
      };
      assertEquals([dry.code, items.map(({ letterId, why }) => `${letterId}${why}`).sort()], [
        0,
        letters.map(({ id }) => id).sort(),
      ]);
      await world.records.sql("inventory")`delete from mesh.snapshot where stream = ${`inventory/${sku}`}`;
      await restart(world);
      const { code, out, err } = await mesh("dlq", "redrive", ...choice, "--reason", "snapshot repaired", "--watch");

      assertEquals([code, /: done, 5 handled$/.test(out)], [0, true], `${out}\n${err}`);
      assertEquals((await countsOf(world, sku)).map(({ unitsOnHand }) => unitsOnHand).sort(), [10, 11, 12, 13, 14, 5]);
      const [, id = ""] = /^redrive (\S+) at inventory/.exec(out) ?? [];
      const shown = JSON.parse((await mesh("redrive", "show", id, "--json")).out) as {
        readonly items: readonly { readonly state: string; readonly batch: number }[];
      };
      assertEquals(
        shown.items.map(({ state, batch }) => `${state} in ${batch}`),
        [1, 2, 2, 3, 3].map((batch) => `handled in ${batch}`),
      );
      const again = await mesh("dlq", "redrive", ...choice, "--reason", "once more");
      assertEquals([again.code, again.err], [3, "No dead letter is so"]);
      const acts = (await world.records.events("inventory", { type: "inventory.operator-acted" }))
        .filter(({ data }) => (data.subjects as readonly string[]).includes(id)).map(({ data }) => data.action);
      assertEquals([acts[0], acts.at(-1)], ["redrive-started", "redrive-done"]);
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
async function breakSnapshot(world: World, sku: string): Promise<void> {
  await world.shop.child("inventory").stop();
  await world.records.sql("inventory")`
    insert into mesh.snapshot (stream, state_version, version, state)
    values (${`inventory/${sku}`}, '1', 1, 'null')`;
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

/** Has staff count a product. @returns Id of the command. */
async function askForCount({ staff }: World, sku: string, unitsOnHand: number): Promise<string> {
  const counted = await staff.request("POST", `/v1/staff/products/${sku}/stock-counts`, {
    body: { warehouse: "busan", unitsOnHand },
    headers: { "idempotency-key": ids.next() },
  });
  return (counted.body as { commandId: string }).commandId;
}

/** Figures of the counts of a product. */
async function countsOf({ records }: World, sku: string) {
  const counts = await records.events("inventory", { type: "inventory.stock-counted" });
  return counts.map(({ data }) => data).filter((count) => count.sku === sku);
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
