import { nothingToUndo, type Saga, sagaBehaviour, type Step } from "@mesh/saga";
import { SagaAdvanced } from "@shop/orchestrator";
import { sagas } from "@shop/orchestrator/service";
import type { Bug } from "./bug.ts";

/** Mistakes in the order of steps and in what undoes them; a saga is data, so each is another value. */
export const sagaBugs: readonly Bug[] = [
  {
    name: "authorization-never-voided",
    what: "an authorised payment stays when the order is rejected",
    rule: "section 3, compensation",
    plant: withStep("authorizePayment", (step) => ({ ...step, compensate: nothingToUndo })),
  },
  {
    name: "stock-never-released",
    what: "held units stay held when the order is rejected",
    rule: "section 3, compensation",
    plant: withStep("reserveStock", (step) => ({ ...step, compensate: nothingToUndo })),
  },
  {
    name: "capture-is-no-pivot",
    what: "a capture that nobody has answered in time is turned back like any step",
    rule: "section 3, pivot",
    plant: withStep("capturePayment", (step) => ({ ...step, kind: "step" })),
  },
  {
    name: "only-the-first-line-reserved",
    what: "of an order with several lines only the first is reserved",
    rule: "section 3, step 1",
    plant: withStep(
      "reserveStock",
      (step) => ({ ...step, send: (...known) => [step.send(...known)].flat().slice(0, 1) }),
    ),
  },
  {
    name: "shipped-before-captured",
    what: "stock leaves and the carrier is asked before the money is taken",
    rule: "F49",
    plant: withSteps(([reserve, authorize, capture, ...others]) => [reserve!, authorize!, ...others, capture!]),
  },
  {
    name: "shipment-given-up",
    what: "a refused shipment turns a paid order back",
    rule: "section 3, must succeed",
    plant: withStep("arrangeShipment", (step) => ({ ...step, kind: "step" })),
  },
];

function withStep(name: string, change: (step: Step) => Step): Bug["plant"] {
  return withSteps((steps) => steps.map((step) => step.name === name ? change(step) : step));
}

function withSteps(change: (steps: readonly Step[]) => readonly Step[]): Bug["plant"] {
  const wrong: readonly Saga[] = sagas.map((saga) => ({ ...saga, steps: change(saga.steps) }));
  return () => ({
    substitutes: {
      behaviour: (behaviour, process) =>
        process.service !== "orchestrator" ? behaviour : sagaBehaviour({
          service: "orchestrator",
          event: SagaAdvanced,
          sagas: wrong,
          limits: { giveUpAfterMs: 12_000, attentionAfterMs: 3_600_000 },
        }),
    },
  });
}
