import { type TestShop, type TestShopOptions, withShop } from "../../e2e/harness/mod.ts";
import { openWorld, type World } from "../../e2e/scenarios/world.ts";

/** What an order asks for whose reservation fails, every time. */
export const unitsThatFail = 7;
/** What an order asks for whose reservation takes the process down with it, every time. */
export const unitsThatKill = 13;
/** The product that most orders want, and those whose reservation fails. */
export const hotSku = "HOT-0001";
/** Products that the other orders want. */
export const coolSkus = ["COL-0001", "COL-0002", "COL-0003", "COL-0004"];

/** A shop whose stock-keeping fails for some orders, until it is mended. */
export interface LaneShop extends World {
  /** Starts stock-keeping anew, as shipped. */
  mend(): Promise<void>;
}

/** Runs a test against such a shop. */
export async function withLaneShop<T>(test: (shop: LaneShop) => Promise<T>): Promise<T> {
  let isBroken = true;
  const adapt: TestShopOptions["adapt"] = (name, { args: [run, ...args], env }) => {
    const file = new URL("failing_stock.ts", import.meta.url).pathname;
    return name === "inventory" && isBroken
      ? { args: [run!, `--preload=${file}`, ...args], env }
      : { args: [run!, ...args], env };
  };
  // Nobody gives up: what is dead stays where it is until somebody helps.
  const sagaLimits = { giveUpAfterMs: 3_600_000, attentionAfterMs: 3_600_000 };
  return await withShop({ adapt, isSeeded: true, sagaLimits, settings: { tiersMs } }, async (shop: TestShop) => {
    const world = await openWorld(shop);
    for (const sku of [hotSku, ...coolSkus]) await world.stock({ sku, units: 100_000 });
    return await test({
      ...world,
      mend: async () => {
        isBroken = false;
        await shop.shop.child("inventory").stop();
        shop.shop.restart("inventory");
        await shop.shop.untilReady("inventory");
      },
    });
  });
}

/** Six attempts within four seconds. */
const tiersMs = [100, 300, 800, 1_000];
