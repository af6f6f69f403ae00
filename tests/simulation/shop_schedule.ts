import {
  type FaultCounts,
  FaultPlan,
  MeshInvariants,
  Scheduler,
  seededIds,
  SeededRandom,
  type Simulated,
  SimulatedMesh,
  type Substitutes,
  type Violation,
} from "@mesh/testing/simulation";
import type { Bug } from "./bugs/mod.ts";
import { Customers } from "./customers.ts";
import { OutsideWorld } from "./outside_world.ts";
import { planOfSeed, type ShopPlan, shopServices, shopSettings } from "./shop_services.ts";
import { type Outcomes, ShopInvariants } from "./shop_invariants.ts";
import { beginEnvelopes } from "./plain_codec.ts";
import { beginRows } from "./plain_json.ts";
import { beginReading } from "./plain_schema.ts";
import { planTroubles } from "./troubles.ts";
import type { StoryLine } from "./story.ts";
import { tellStored } from "./tell_stored.ts";

/** How to play one schedule. */
export interface ScheduleOptions {
  readonly seed: number;
  readonly orders: number;
  /** Of which the seed takes one; see `planOfSeed`. */
  readonly plans: readonly ShopPlan[];
  /** A mistake to plant. */
  readonly bug?: Bug;
  /** Takes the story down. */
  readonly tell?: (line: StoryLine) => void;
  /** Whether nothing goes wrong. */
  readonly calm?: boolean;
}

/** What became of a schedule. */
export interface ScheduleResult {
  readonly seed: number;
  readonly violations: readonly Violation[];
  readonly outcomes: Outcomes;
  readonly faults: FaultCounts;
  readonly traceHash: string;
  readonly eventCount: number;
  readonly virtualMs: number;
}

/** 20 minutes of virtual time: twice the longest wait of an outbox row. */
const quietLimitMs = 1_200_000;
/** Time within which things go wrong. */
const troubleMs = 25_000;

/** One schedule of so many has real envelopes and rows; all of those are judged thoroughly, some have two partitions. */
const realEvery = 112;

/**
 * Plays one schedule: orders under faults, then without, until all is quiet; judges every commit and the end.
 *
 * To be called from a timer or plain code, not from within a promise: see `microtaskRunner`.
 */
export function playSchedule(options: ScheduleOptions): ScheduleResult {
  const { seed, plans, tell, calm } = options;
  const plan = planOfSeed(plans, seed);
  const scheduler = new Scheduler();
  const random = new SeededRandom(seed, 1);
  const isCalm = calm ?? random.chance(0.03);
  const simulated: Simulated = {
    scheduler,
    random,
    faults: new FaultPlan(new SeededRandom(seed, 2), isCalm),
    tell: tell && ((who, what, about) => tell({ atMs: scheduler.nowMs, who, what, about })),
  };
  const violations: Violation[] = [];
  const violate = (violation: Violation) => {
    violations.push(violation);
    simulated.tell?.("JUDGE", `${violation.rule}: ${violation.what}`, {});
  };
  const meshRules = new MeshInvariants(violate);
  const outside = new OutsideWorld({ simulated, violate, isAsked: (id) => meshRules.isEffectAsked(id) });
  const shopRules = new ShopInvariants({ violate, outside });
  const form = seed % realEvery === 0 ? "real" : "plain";
  beginEnvelopes(form);
  beginRows(form);
  beginReading(form);
  const bug = options.bug?.plant();
  const mesh = meshOf({ plan, tell }, simulated, { meshRules, shopRules, outside, substitutes: bug?.substitutes });
  const customers = new Customers({
    simulated,
    mesh,
    random: new SeededRandom(seed, 3),
    newId: seededIds(scheduler, new SeededRandom(seed, 4)).next,
    orderCount: options.orders,
    rushMs: random.pick([2_000, 8_000, 15_000]),
  });
  bug?.begin?.(mesh, simulated);
  mesh.start();
  customers.begin();
  planTroubles({ simulated, mesh, untilMs: troubleMs });
  const isQuiet = () =>
    customers.areDone && scheduler.nowMs > troubleMs && shopRules.areOrdersEnded(customers.journal) && mesh.isQuiet;
  run(scheduler, violations, isQuiet);
  if (violations.length === 0 && isQuiet()) {
    const verifier = { keys: plan.keys.directory, policy: plan.policy };
    shopRules.judgeEnd({
      mesh,
      journal: customers.journal,
      isThorough: seed % 16 === 0,
      isReal: form === "real",
      verifier,
    });
  } else if (violations.length === 0) {
    violate({ rule: "I3", what: `the shop is not quiet after ${quietLimitMs} ms: ${mesh.unsettled}` });
  }
  return {
    seed,
    violations,
    outcomes: shopRules.outcomes,
    faults: simulated.faults.counts,
    traceHash: scheduler.traceHash,
    eventCount: scheduler.eventCount,
    virtualMs: scheduler.nowMs,
  };
}

/** Looks twice a virtual second whether all is over. */
function run(scheduler: Scheduler, violations: readonly Violation[], isQuiet: () => boolean): void {
  let lookAtMs = troubleMs;
  while (violations.length === 0 && scheduler.step()) {
    if (scheduler.nowMs < lookAtMs) continue;
    if (isQuiet() || scheduler.nowMs > quietLimitMs) return;
    lookAtMs = scheduler.nowMs + 500;
  }
}

function meshOf(
  { plan, tell }: { readonly plan: ShopPlan; readonly tell: ScheduleOptions["tell"] },
  simulated: Simulated,
  { meshRules, shopRules, outside, substitutes }: {
    readonly substitutes: Substitutes | undefined;
    readonly meshRules: MeshInvariants;
    readonly shopRules: ShopInvariants;
    readonly outside: OutsideWorld;
  },
): SimulatedMesh {
  const { random, faults } = simulated;
  const rival = faults.has("conflicting-replica") ? random.pick(rivals) : undefined;
  const giveUpAfterMs = random.pick([4_000, 12_000, 60_000, 60_000, 60_000]);
  return new SimulatedMesh({
    simulated,
    services: shopServices({
      limits: { giveUpAfterMs, attentionAfterMs: 3_600_000 },
      replicasOf: (service) => service === rival ? 2 : 1,
      adaptersOf: (process) => outside.adaptersOf(process),
    }),
    topology: plan.topology,
    policy: plan.policy,
    keys: plan.keys,
    settings: shopSettings,
    partitions: plan.partitions,
    observer: {
      stored: (service, operation, args, result) => {
        meshRules.stored(service, operation, args, result);
        shopRules.stored(service, operation, args, result);
        if (tell !== undefined) tellStored(simulated, service, { operation, args, result });
      },
      published: (process, message) => {
        simulated.scheduler.noteText(message.messageId.slice(-8));
        meshRules.published(process.service, message);
      },
    },
    ...(substitutes === undefined ? {} : { substitutes }),
  });
}

/** Services that may run twice. */
const rivals = ["orders", "inventory", "payments", "orchestrator", "notifications", "gateway"] as const;
