import { deepStrictEqual as assertEquals, ok as assert } from "node:assert/strict";
import fc from "fast-check";
import { behaviourOf, type Outgoing } from "@mesh/actor";
import type { AnyCommand } from "@mesh/contract";
import { received, testContext } from "@mesh/testing";
import { payments } from "./actor.ts";
import { AuthorizePayment, CapturePayment, RefundPayment, VoidPayment } from "./contract.ts";
import { emptyBalances } from "./ledger.ts";
import type { PaymentState } from "./payment.ts";

const orderId = id(1);
const totalMinor = 2100;

const commands: Readonly<Record<string, AnyCommand>> = {
  authorize: AuthorizePayment({
    orderId,
    customerId: id(2),
    amountMinor: totalMinor,
    currency: "EUR",
    paymentMethod: "pm_card_visa",
  }),
  capture: CapturePayment({ orderId }),
  void: VoidPayment({ orderId }),
  refund: RefundPayment({ orderId }),
};

/** One thing that happens: a command comes, the provider works, one of its outcomes arrives, in any order. */
type Step =
  | { readonly what: "command"; readonly name: string }
  | { readonly what: "provider"; readonly isWilling: boolean }
  | { readonly what: "outcome"; readonly place: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ what: fc.constant("command" as const), name: fc.constantFrom(...Object.keys(commands)) }),
  fc.record({ what: fc.constant("provider" as const), isWilling: fc.boolean() }),
  fc.record({ what: fc.constant("outcome" as const), place: fc.nat(5) }),
);

interface Outcome {
  readonly effect: string;
  readonly outcome: unknown;
}

/** A payment, its provider, and everything under way between them. */
interface World {
  state: PaymentState;
  /** Effects, in the order asked for: the executor works on one at a time. */
  readonly effects: { readonly effect: string }[];
  readonly outcomes: Outcome[];
  readonly provider: { heldMinor: number; capturedMinor: number; refundedMinor: number; captures: number };
  readonly asked: string[];
  readonly answered: string[];
}

Deno.test("payments captures at most once, keeps books that agree with the provider, and answers every command once", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const world = newWorld();
      for (const one of steps) {
        take(world, one);
        checkMoney(world);
      }
      while (world.effects.length + world.outcomes.length > 0) {
        take(world, { what: "provider", isWilling: true });
        take(world, { what: "outcome", place: 0 });
        checkMoney(world);
      }
      const { state, provider } = world;
      const balances = state.phase === "none" ? emptyBalances : state.balances;
      assertEquals(balances.authorized, provider.heldMinor);
      assertEquals(balances.provider, provider.capturedMinor - provider.refundedMinor);
      assertEquals(balances.sales + provider.capturedMinor, 0);
      assertEquals(world.answered.toSorted(), world.asked.toSorted());
      if (state.phase !== "none") assertEquals(Object.values(state.waiting).flat(), []);
    }),
    { numRuns: 5_000 },
  );
});

function newWorld(): World {
  return {
    state: payments.initialState(),
    effects: [],
    outcomes: [],
    provider: { heldMinor: 0, capturedMinor: 0, refundedMinor: 0, captures: 0 },
    asked: [],
    answered: [],
  };
}

function take(world: World, one: Step): void {
  const behaviour = behaviourOf(payments);
  const context = { ...testContext(), newId: () => id(0) };
  if (one.what === "command") {
    // More than eight would be a defect of the sender; a test of its own shows that.
    if (world.asked.length === 8) return;
    const messageId = id(world.asked.length + 100);
    world.asked.push(messageId);
    const message = received(commands[one.name]!, { id: messageId });
    settle(world, behaviour.decide(world.state, message, { ...context, messageId }), messageId);
  } else if (one.what === "provider") {
    const effect = world.effects.shift();
    if (effect !== undefined) world.outcomes.push({ ...effect, outcome: perform(world, effect.effect, one.isWilling) });
  } else if (world.outcomes.length > 0) {
    const [{ effect, outcome }] = world.outcomes.splice(one.place % world.outcomes.length, 1) as [Outcome];
    settle(world, behaviour.decideOutcome(world.state, effect, outcome, context));
  }
}

function settle(world: World, decision: readonly Outgoing[], messageId?: string): void {
  for (const made of decision) {
    if (made.kind === "effect") world.effects.push(made);
    if (made.kind !== "event") continue;
    world.state = behaviourOf(payments).evolve(world.state, made);
    world.answered.push(...made.re ?? (messageId === undefined ? [] : [messageId]));
  }
}

/** A provider that does what Stripe does with an intent, and complains about what the protocol rules out. */
function perform({ provider }: World, effect: string, isWilling: boolean): unknown {
  switch (effect) {
    case "authorize-payment":
      assertEquals(provider.capturedMinor, 0);
      if (!isWilling) return { result: "declined", reason: "card_declined" };
      provider.heldMinor += totalMinor;
      return { result: "authorized", providerRef: "pi_1" };
    case "capture-payment":
      if (!isWilling) return { result: "refused", reason: "expired_card" };
      assert(provider.heldMinor === totalMinor, "captured what was not held");
      provider.heldMinor = 0;
      provider.capturedMinor += totalMinor;
      provider.captures += 1;
      return { result: "captured" };
    case "void-payment":
      assertEquals(provider.capturedMinor, 0);
      provider.heldMinor = 0;
      return { result: "voided" };
    default:
      provider.refundedMinor += totalMinor;
      return { result: "refunded" };
  }
}

function checkMoney({ state, provider }: World): void {
  assert(provider.captures <= 1);
  assert(provider.heldMinor <= totalMinor);
  assert([0, totalMinor].includes(provider.capturedMinor - provider.refundedMinor));
  const balances = state.phase === "none" ? emptyBalances : state.balances;
  assertEquals(Object.values(balances).reduce((sum, balanceMinor) => sum + balanceMinor, 0), 0);
  assert([0, totalMinor].includes(balances.provider));
}

/** A UUID that stands for a small number. */
function id(number: number): string {
  return `0b9b3f0e-6a5c-7a7e-9a51-${String(number).padStart(12, "0")}`;
}
