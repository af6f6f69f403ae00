import { deepStrictEqual as assertEquals, ok as assert } from "node:assert/strict";
import { withShop } from "./harness/mod.ts";
import { tallyOf, untilSound } from "./invariants/mod.ts";
import { hostileMessages } from "./scenarios/hostile_messages.ts";
import { ordering } from "./scenarios/ordering.ts";
import { redrive } from "./scenarios/redrive.ts";
import { rush } from "./scenarios/rush.ts";
import { storefrontLimits } from "./scenarios/storefront_limits.ts";
import { openWorld } from "./scenarios/world.ts";

/** Limits that hold no test back, but for credentials: one scenario runs into those, all others together do not. */
const rates = {
  GATEWAY_RATE_IP_BURST: "10000",
  GATEWAY_RATE_ACCOUNT_BURST: "10000",
  GATEWAY_RATE_CREDENTIAL_PER_SECOND: "5",
  GATEWAY_RATE_CREDENTIAL_BURST: "200",
};

const options = {
  isSeeded: true,
  // 10 s: orders that nobody answers are waited for, and no answer takes that long.
  sagaLimits: { giveUpAfterMs: 10_000 },
  extra: { gateway: rates },
};

Deno.test("the shop as customers, staff and strangers meet it", async (t) => {
  await withShop(options, async (test) => {
    const world = await openWorld(test);
    for (const { name, run } of [...ordering, ...rush, ...hostileMessages, ...redrive, ...storefrontLimits]) {
      await t.step(name, () => run(world));
    }
    await t.step("after all that every order has ended, every sum holds and every signature verifies", async () => {
      const { accepted, doomedDigests, hostileDigests } = world.done;
      const { facts, violations } = await untilSound(test, {
        journal: { accepted: [...accepted], unknownCount: 0 },
        doomedDigests: [...doomedDigests],
        hostileDigests: [...hostileDigests],
      }, 30_000);
      assertEquals(violations, []);
      const { confirmed, rejected } = tallyOf(facts);
      assert(confirmed >= 10 && (rejected["out-of-stock"] ?? 0) >= 90, "the shop was idle");
    });
  });
});
