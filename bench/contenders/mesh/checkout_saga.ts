import { defineSaga } from "@mesh/saga";
import * as say from "./contracts.ts";

/** Four round trips: reserve, authorize, capture, ship. The last one is the end, which is answered like any step. */
export const checkout = defineSaga("checkout", { version: 1, startedBy: say.Checkout })
  .step("reserve", {
    command: say.Reserve,
    send: (order) => say.Reserve(order),
    succeedsOn: say.Reserved,
    failsOn: say.ReservationRefused,
    compensate: { command: say.Release, send: (order) => say.Release(order), succeedsOn: say.Released },
  })
  .step("authorize", {
    command: say.Authorize,
    send: (order) => say.Authorize(order),
    succeedsOn: say.Authorized,
    failsOn: say.Declined,
    compensate: { command: say.Void, send: (order) => say.Void(order), succeedsOn: say.Voided },
  })
  .pivot("capture", {
    command: say.Capture,
    send: (order) => say.Capture(order),
    succeedsOn: say.Captured,
    failsOn: say.CaptureRefused,
  })
  .ends({
    completed: { command: say.Ship, send: (order) => say.Ship(order), succeedsOn: say.Shipped },
    rejected: { command: say.Drop, send: (order) => say.Drop(order), succeedsOn: say.Dropped },
  });
