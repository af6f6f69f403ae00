import { behaviourOf } from "@mesh/actor";
import { type BrokerTopology, brokerTopology } from "@mesh/broker";
import { emitPolicyFrom, type PolicyIndex, policyIndex } from "@mesh/envelope";
import { defaultSettings, type RuntimeSettings } from "@mesh/runtime";
import type { LimitOverrides } from "@mesh/saga";
import {
  type SimulatedKeys,
  simulatedKeys,
  type SimulatedProcess,
  type SimulatedService,
} from "@mesh/testing/simulation";
import { orders as orderRows, products } from "@shop/gateway/projections";
import { service as gateway } from "@shop/gateway/service";
import { inventory as inventoryActor } from "@shop/inventory/actor";
import { service as inventory } from "@shop/inventory/service";
import { notifications as notificationsActor } from "@shop/notifications/actor";
import { service as notifications } from "@shop/notifications/service";
import { orchestratorHost, service as orchestrator } from "@shop/orchestrator/service";
import { orders as ordersActor } from "@shop/orders/actor";
import { service as orders } from "@shop/orders/service";
import { payments as paymentsActor } from "@shop/payments/actor";
import { service as payments } from "@shop/payments/service";
import { shipping as shippingActor } from "@shop/shipping/actor";
import { service as shipping } from "@shop/shipping/service";
import type { EffectAdapters } from "@mesh/actor";

/** The services of the shop that an order passes through. */
const definitions = [gateway, orders, inventory, payments, shipping, notifications, orchestrator];

/** Tiers that bring a failed message back within the time that a schedule has. */
export const tiersMs = [500, 2_000, 5_000, 20_000];

/** Everything that all schedules share. */
export interface ShopPlan {
  /** Mailbox partitions of each service. */
  readonly partitions: number;
  readonly topology: BrokerTopology;
  readonly policy: PolicyIndex;
  readonly keys: SimulatedKeys;
}

/** Makes what all schedules share; slow, hence made once. */
export function shopPlan(partitions: number): ShopPlan {
  return {
    partitions,
    topology: brokerTopology(definitions, { partitions, tiersMs }),
    policy: policyIndex(emitPolicyFrom(definitions)),
    keys: simulatedKeys(definitions.map(({ name }) => name)),
  };
}

/** Plans of one partition and of two; see {@link planOfSeed}. */
export function shopPlans(): readonly ShopPlan[] {
  return [shopPlan(1), shopPlan(2)];
}

/** Chooses among plans: in every fifth schedule services have two mailboxes, which two replicas share. */
export function planOfSeed([one, two]: readonly ShopPlan[], seed: number): ShopPlan {
  return seed % 5 === 0 && two !== undefined ? two : one!;
}

/** Production figures, but for looks that would cost more than they show, and waits that a schedule has no time for. */
export const shopSettings: RuntimeSettings = Object.freeze({
  ...defaultSettings,
  tiersMs,
  sweepEveryMs: 2_500,
  timerEveryMs: 1_000,
  effectEveryMs: 2_000,
  catchUpAfterMs: 8_000,
  catchUpEveryMs: 20_000,
  catchUpLagMs: 5_000,
  laneOverdueMs: 5_000,
  leaseMs: 20_000,
  effectRetryMaxMs: 10_000,
  snapshotEvery: 7,
});

/** What one schedule decides about the services. */
export interface ShopChoices {
  readonly limits: LimitOverrides;
  readonly replicasOf: (service: string) => number;
  readonly adaptersOf: (process: SimulatedProcess) => EffectAdapters;
}

const actors = {
  orders: behaviourOf(ordersActor),
  inventory: behaviourOf(inventoryActor),
  payments: behaviourOf(paymentsActor),
  shipping: behaviourOf(shippingActor),
  notifications: behaviourOf(notificationsActor),
};

/** The services as shipped. */
export function shopServices({ limits, replicasOf, adaptersOf }: ShopChoices): readonly SimulatedService[] {
  return definitions.map((definition) => {
    const { name } = definition;
    const common = { definition, replicas: replicasOf(name), adapters: adaptersOf };
    if (name === "gateway") return { ...common, projections: [products, orderRows] };
    const behaviour = name === "orchestrator" ? orchestratorHost(limits) : actors[name as keyof typeof actors];
    return { ...common, behaviour };
  });
}
