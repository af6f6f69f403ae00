/**
 * The services of the compared saga, as data.
 *
 * @module
 */
import { type Behaviour, behaviourOf } from "@mesh/actor";
import { defineService, type ServiceDefinition } from "@mesh/contract";
import { sagaBehaviour, sagaContracts } from "@mesh/saga";
import * as actors from "./actors.ts";
import { checkout } from "./checkout_saga.ts";
import * as say from "./contracts.ts";

const { accepts, subscribes, sends } = sagaContracts([checkout]);
const alone = { sends: [], subscribes: [], calls: [] };

export const orchestrator = defineService({
  name: "orchestrator",
  purpose: "the compared saga",
  accepts,
  publishes: [say.SagaAdvanced],
  sends,
  subscribes: subscribes.map((event) => ({ event, by: "correlation" })),
  calls: [],
  commandsItself: true,
  internalPort: 9101,
});

export const participants: readonly ServiceDefinition[] = [
  defineService({
    ...alone,
    name: "inventory",
    purpose: "holds stock",
    accepts: [say.Reserve, say.Release],
    publishes: [say.Reserved, say.ReservationRefused, say.Released],
    internalPort: 9102,
  }),
  defineService({
    ...alone,
    name: "payment",
    purpose: "authorizes and captures",
    accepts: [say.Authorize, say.Void, say.Capture],
    publishes: [say.Authorized, say.Declined, say.Voided, say.Captured, say.CaptureRefused],
    internalPort: 9103,
  }),
  defineService({
    ...alone,
    name: "shipping",
    purpose: "ships",
    accepts: [say.Ship, say.Drop],
    publishes: [say.Shipped, say.Dropped],
    internalPort: 9104,
  }),
];

/** All of them; the orchestrator runs beside the load, in its process. */
export const services: readonly ServiceDefinition[] = [orchestrator, ...participants];

/** What each service runs. */
export const behaviours: Readonly<Record<string, Behaviour>> = {
  orchestrator: sagaBehaviour({ service: "orchestrator", event: say.SagaAdvanced, sagas: [checkout] }),
  inventory: behaviourOf(actors.inventory),
  payment: behaviourOf(actors.payment),
  shipping: behaviourOf(actors.shipping),
};
