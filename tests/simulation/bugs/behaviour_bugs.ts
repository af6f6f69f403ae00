import type { Outgoing, Received } from "@mesh/actor";
import { type SagaState, sagaView } from "@mesh/saga";
import { StockReleased } from "@shop/inventory";
import { type Bug, inBehaviourOf } from "./bug.ts";

/** Mistakes in what actors and the saga host decide. */
export const behaviourBugs: readonly Bug[] = [
  {
    name: "answer-matched-by-type",
    what: "a saga takes any answer of the right type for the one that it waits for",
    rule: "F47, section 3",
    plant: inBehaviourOf("orchestrator", (host) => ({
      decide: (state, message, context) => host.decide(state, takenForAwaited(state, message), context),
    })),
  },
  {
    name: "undo-names-no-command",
    what: "an undo does not say which commands it undoes",
    rule: "section 3, undo",
    plant: inBehaviourOf("orchestrator", (host) => ({
      decide: (state, message, context) => host.decide(state, message, context).map(withoutUndoes),
      decideTimer: (state, context) => host.decideTimer(state, context).map(withoutUndoes),
    })),
  },
  {
    name: "saga-command-lost",
    what: "a saga records a command of a step with several lines and does not send it",
    rule: "section 3",
    plant: inBehaviourOf("orchestrator", (host) => ({
      decide: (state, message, context) => {
        const outgoing = host.decide(state, message, context);
        return outgoing.length > 3 ? outgoing.slice(0, -1) : outgoing;
      },
    })),
  },
  {
    name: "stock-read-then-written",
    what: "stock is decided on as it was one message ago",
    rule: "F14",
    plant: () => {
      const before = new Map<string, unknown>();
      return inBehaviourOf("inventory", (inventory) => ({
        decide: (state, message, context) => {
          const seen = before.get(message.key) ?? state;
          before.set(message.key, state);
          return inventory.decide(message.type === "inventory.reserve-stock" ? seen : state, message, context);
        },
      }))();
    },
  },
  {
    name: "undo-of-what-was-refused",
    what: "a release gives back units that were never held",
    rule: "F48",
    plant: inBehaviourOf("inventory", (inventory) => ({
      decide: (state, message, context) => inventory.decide(state, message, context).map(releasingSomething),
    })),
  },
  {
    name: "hold-expires-by-itself",
    what: "units that were held for long are free again without anybody having asked",
    rule: "section 3, holds",
    plant: () => {
      const heldSince = new Map<string, number>();
      return inBehaviourOf("inventory", (inventory) => ({
        decide: (state, message, context) => {
          const order = (message.data as { readonly orderId?: string }).orderId;
          const name = `${message.key} ${order}`;
          const nowMs = context.now.getTime();
          if (message.type === "inventory.reserve-stock") heldSince.set(name, nowMs);
          const isExpired = message.type === "inventory.ship-out" && nowMs - (heldSince.get(name) ?? nowMs) > 3_000;
          return inventory.decide(isExpired ? withoutHolds(state) : state, message, context);
        },
      }))();
    },
  },
  {
    name: "effect-inside-the-turn",
    what: "a decision calls the provider, before anything is committed",
    rule: "F10, section 4, effect",
    plant: effectInsideTheTurn,
  },
];

function takenForAwaited(state: unknown, message: Received): Received {
  const awaited = sagaView(state as SagaState).waitingFor.map(({ id }) => id);
  return message.re.length === 0 ? message : { ...message, re: [...message.re, ...awaited] };
}

function withoutUndoes(outgoing: Outgoing): Outgoing {
  return outgoing.kind === "command" && outgoing.undoes !== undefined ? { ...outgoing, undoes: [] } : outgoing;
}

function releasingSomething(outgoing: Outgoing): Outgoing {
  if (outgoing.kind !== "event" || outgoing.type !== StockReleased.type) return outgoing;
  const data = outgoing.data as { orderId: string; sku: string; units: number; unitsFree: number };
  return data.units > 0 ? outgoing : { ...outgoing, data: { ...data, units: 1, unitsFree: data.unitsFree + 1 } };
}

function withoutHolds(state: unknown): unknown {
  return { ...state as object, holds: [], unitsHeld: 0 };
}

function effectInsideTheTurn(): ReturnType<Bug["plant"]> {
  let call: ((effect: string, request: unknown, key: string) => void) | undefined;
  return {
    substitutes: {
      adapters: (adapters, process) => {
        if (process.service === "payments") {
          call = (effect, request, idempotencyKey) =>
            void adapters[effect]?.perform(request, {
              idempotencyKey,
              signal: new AbortController().signal,
              attempt: 1,
            })
              .catch(() => {});
        }
        return adapters;
      },
      behaviour: (behaviour, process) =>
        process.service !== "payments" ? behaviour : {
          ...behaviour,
          decide: (state, message, context) => {
            const outgoing = behaviour.decide(state, message, context);
            for (const one of outgoing) {
              // Its version is not known yet, so the key is a guess.
              if (one.kind === "effect") call?.(one.effect, one.request, `payments/${message.key}@1.0`);
            }
            return outgoing;
          },
        },
    },
  };
}
