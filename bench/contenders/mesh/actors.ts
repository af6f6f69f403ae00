/**
 * The receivers of the compared saga: one actor for each order in each service. All of them agree.
 *
 * @module
 */
import { defineActor } from "@mesh/actor";
import * as say from "./contracts.ts";

/** Where one order stands in one service. */
export interface OrderPhase {
  readonly phase: "none" | "held" | "authorized" | "captured" | "shipped" | "undone";
}

const initialState = (): OrderPhase => ({ phase: "none" });
const become = (phase: OrderPhase["phase"]) => (): OrderPhase => ({ phase });

export const inventory = defineActor({
  name: "inventory",
  accepts: { Reserve: say.Reserve, Release: say.Release },
  records: { Reserved: say.Reserved, ReservationRefused: say.ReservationRefused, Released: say.Released },
  initialState,
  decide: {
    Reserve: ({ phase }, order) => phase === "undone" ? say.ReservationRefused(order) : say.Reserved(order),
    Release: (_state, order) => say.Released(order),
  },
  evolve: { Reserved: become("held"), ReservationRefused: (state) => state, Released: become("undone") },
});

export const payment = defineActor({
  name: "payment",
  accepts: { Authorize: say.Authorize, Void: say.Void, Capture: say.Capture },
  records: {
    Authorized: say.Authorized,
    Declined: say.Declined,
    Voided: say.Voided,
    Captured: say.Captured,
    CaptureRefused: say.CaptureRefused,
  },
  initialState,
  decide: {
    Authorize: ({ phase }, order) => phase === "none" ? say.Authorized(order) : say.Declined(order),
    Void: (_state, order) => say.Voided(order),
    Capture: ({ phase }, order) => phase === "authorized" ? say.Captured(order) : say.CaptureRefused(order),
  },
  evolve: {
    Authorized: become("authorized"),
    Declined: (state) => state,
    Voided: become("undone"),
    Captured: become("captured"),
    CaptureRefused: (state) => state,
  },
});

export const shipping = defineActor({
  name: "shipping",
  accepts: { Ship: say.Ship, Drop: say.Drop },
  records: { Shipped: say.Shipped, Dropped: say.Dropped },
  initialState,
  decide: { Ship: (_state, order) => say.Shipped(order), Drop: (_state, order) => say.Dropped(order) },
  evolve: { Shipped: become("shipped"), Dropped: become("undone") },
});
