import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { z } from "zod";
import { defineEffect, type EffectAdapters } from "@mesh/actor";
import { ManualClock, systemIds, UnavailableError } from "@mesh/base";
import type { ClaimedEffect, EffectClaim, EffectRelease } from "@mesh/store";
import { EffectExecutor, type EffectExecutorOptions, type InTrace } from "./effect_executor.ts";
import { silentLog } from "./log.ts";
import { silentMeter } from "./meter.ts";
import { defaultSettings } from "./settings.ts";
import type { Work } from "./work.ts";

const described = { dependency: "provider", deadlineMs: 1_000, request: z.object({}), outcome: z.object({}) };
const effects = [defineEffect("authorize", described), defineEffect("cancel", described)];

function claimed(stream: string, effect: string): ClaimedEffect {
  const what = { id: `${stream}@${effect}`, stream, effect, dependency: "provider", request: {}, correlation: "flow" };
  return { ...what, causedBy: { messageId: "message" }, headers: {}, attempt: 1, leaseEpoch: 1 };
}

/** An executor whose store gives out what the test tells it to, whatever is under way. */
function opened(adapters: EffectAdapters) {
  const clock = new ManualClock();
  const released: (EffectRelease & { readonly id: string })[] = [];
  const recorded: string[] = [];
  const due: ClaimedEffect[] = [];
  let claimCount = 0;
  const stopping = new AbortController();
  const executor = new EffectExecutor({
    store: {
      claimEffects: ({ limits }: EffectClaim) => {
        claimCount += 1;
        return Promise.resolve(due.splice(0, limits.provider));
      },
      releaseEffect: ({ id }: ClaimedEffect, release: EffectRelease) => {
        return Promise.resolve(void released.push({ id, ...release }));
      },
    },
    effects,
    adapters,
    perform: ({ endsEffect }: Work) => Promise.resolve(recorded.push(endsEffect!.id)),
    speaker: { service: "payments" },
    clock,
    ids: systemIds(clock),
    log: silentLog,
    meter: silentMeter,
    inTrace: (...[, , task]: Parameters<InTrace>) => task(),
    ordinal: 0,
    settings: defaultSettings,
  } as unknown as EffectExecutorOptions);
  const running = executor.run(stopping.signal);
  return {
    clock,
    released,
    recorded,
    /** Lets these be claimed. */
    give: async (...given: readonly ClaimedEffect[]) => {
      due.push(...given);
      executor.asked(given);
      await clock.advance(0);
    },
    /** Says that these were asked for; the store does not give them out. */
    ask: (...given: readonly ClaimedEffect[]) => executor.asked(given),
    /** Lets these be claimed, without a word. */
    hold: (...given: readonly ClaimedEffect[]) => void due.push(...given),
    /** @returns Claims since this was asked last. */
    claims: () => {
      const count = claimCount;
      claimCount = 0;
      return count;
    },
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

Deno.test("one call at a time is made for a stream, even if another was claimed: what cancels comes after what it cancels", async () => {
  const calls: string[] = [];
  const authorized = Promise.withResolvers<Record<never, never>>();
  const world = opened({
    authorize: {
      perform: () => {
        calls.push("authorize");
        return authorized.promise;
      },
    },
    cancel: {
      perform: (_request, { idempotencyKey }) => {
        calls.push(idempotencyKey);
        return Promise.resolve({});
      },
    },
  });

  await world.give(claimed("payments/a", "authorize"));
  await world.give(claimed("payments/a", "cancel"), claimed("payments/b", "cancel"));
  assertEquals(calls, ["authorize", "payments/b@cancel"]);
  authorized.resolve({});
  await world.clock.advance(0);

  assertEquals(calls, ["authorize", "payments/b@cancel", "payments/a@cancel"]);
  assertEquals(world.recorded.toSorted(), ["payments/a@authorize", "payments/a@cancel", "payments/b@cancel"]);
  await world.stop();
});

Deno.test("a call that was given up without an answer may still arrive, and one that was refused does not", async () => {
  const world = opened({
    authorize: {
      // As fetch does.
      perform: (_request, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("aborted")))),
    },
    cancel: { perform: () => Promise.reject(new UnavailableError("Cannot cancel: the provider is away")) },
  });

  await world.give(claimed("payments/a", "authorize"), claimed("payments/b", "cancel"));
  await world.clock.advance(1_000);

  assertEquals(world.released.map(({ id, mayArrive }) => [id, mayArrive]), [
    ["payments/b@cancel", false],
    ["payments/a@authorize", true],
  ]);
  await world.stop();
});

/** An adapter whose calls end when the test says so. */
function held() {
  const calls: (() => void)[] = [];
  const perform = () => new Promise<Record<never, never>>((resolve) => calls.push(() => resolve({})));
  return { calls, adapters: { authorize: { perform }, cancel: { perform } } };
}

const streams = (count: number, from = 0) => Array.from({ length: count }, (_, at) => `payments/${from + at}`);

Deno.test("an effect that ends leads to no claim while there are places for all", async () => {
  const { calls, adapters } = held();
  const world = opened(adapters);
  await world.clock.advance(0);
  world.claims();

  await world.give(...streams(3).map((stream) => claimed(stream, "authorize")));
  for (const end of calls) end();
  await world.clock.advance(0);

  assertEquals([world.recorded.length, world.claims()], [3, 1]);
  await world.stop();
});

Deno.test("where places ran out, each that becomes free leads to a claim at once", async () => {
  const { calls, adapters } = held();
  const world = opened(adapters);
  await world.clock.advance(0);
  const placeCount = defaultSettings.effectsPerDependencyMax;

  await world.give(...streams(placeCount).map((stream) => claimed(stream, "authorize")));
  await world.give(...streams(2, placeCount).map((stream) => claimed(stream, "authorize")));
  assertEquals(calls.length, placeCount);
  calls[0]!();
  await world.clock.advance(0);
  calls[1]!();
  await world.clock.advance(0);

  assertEquals(calls.length, placeCount + 2);
  for (const end of calls) end();
  await world.stop();
});

Deno.test("what was asked for behind an effect of the same stream is claimed when that one ends", async () => {
  const { calls, adapters } = held();
  const world = opened(adapters);
  await world.clock.advance(0);

  await world.give(claimed("payments/a", "authorize"));
  // The store holds it back.
  const behind = claimed("payments/a", "cancel");
  world.ask(behind);
  await world.clock.advance(0);
  world.claims();
  world.hold(behind);
  calls[0]!();
  await world.clock.advance(0);

  assertEquals([calls.length, world.claims()], [2, 1]);
  calls[1]!();
  await world.stop();
});
