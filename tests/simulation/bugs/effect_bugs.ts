import type { EffectAdapter, EffectAdapters } from "@mesh/actor";
import { type Bug, isUnknown } from "./bug.ts";

/** Mistakes about calls to the outside. */
export const effectBugs: readonly Bug[] = [
  {
    name: "effect-key-per-attempt",
    what: "every attempt has an idempotency key of its own, and nobody asks before the repetition",
    rule: "F55",
    plant: () => ({
      substitutes: {
        adapters: (adapters) =>
          mapAdapters(adapters, ({ perform }) => ({
            perform: (request, call) =>
              perform(request, { ...call, idempotencyKey: `${call.idempotencyKey}#${call.attempt}` }),
          })),
      },
    }),
  },
  {
    name: "silence-taken-for-a-refusal",
    what: "an authorisation whose answer was lost counts as declined",
    rule: "F55",
    plant: takenFor("authorize-payment", { result: "declined", reason: "no-answer" }),
  },
  {
    name: "lost-capture-taken-for-a-refusal",
    what: "a capture whose answer was lost counts as refused",
    rule: "F55",
    plant: takenFor("capture-payment", { result: "refused", reason: "no-answer" }),
  },
  {
    name: "lost-void-taken-for-done",
    what: "a void whose answer was lost counts as done",
    rule: "F49",
    plant: takenFor("void-payment", { result: "voided" }),
  },
  {
    name: "notice-of-an-attempt",
    what: "every attempt at a notice is another mail",
    rule: "I11",
    plant: () => ({
      substitutes: {
        adapters: (adapters) =>
          mapAdapters(adapters, ({ perform }) => ({
            perform: (request, call) => perform({ ...request as object, attempt: call.attempt }, call),
          })),
      },
    }),
  },
];

function mapAdapters(adapters: EffectAdapters, change: (adapter: EffectAdapter) => EffectAdapter): EffectAdapters {
  return Object.fromEntries(Object.entries(adapters).map(([name, adapter]) => [name, change(adapter)]));
}

function takenFor(effect: string, outcome: unknown): Bug["plant"] {
  return () => ({
    substitutes: {
      adapters: (adapters) => {
        const adapter = adapters[effect];
        if (adapter === undefined) return adapters;
        const perform: EffectAdapter["perform"] = async (request, call) => {
          try {
            return await adapter.perform(request, call);
          } catch (error) {
            if (!isUnknown(error)) throw error;
            return outcome;
          }
        };
        return { ...adapters, [effect]: { perform } };
      },
    },
  });
}
