/**
 * One account as the mesh knows it: a pseudonym and a role. All that is personal lies in the tables of the service.
 *
 * @module
 */
import { invariant } from "@mesh/base";
import { defineActor } from "@mesh/actor";
import {
  AddAddress,
  AddressAdded,
  ChangeRole,
  CustomerRegistered,
  EndSession,
  RefreshReuseDetected,
  RegisterCustomer,
  RegistrationRepeated,
  ReportRefreshReuse,
  type Role,
  RoleChanged,
  SessionEnded,
  SessionStarted,
  StartSession,
} from "./contract.ts";

/** What an account's decisions depend on. */
export interface AccountState {
  /** Null until the account is registered. */
  readonly role: Role | null;
}

/** One account: it notes who came and went, and what of it must be known elsewhere. */
export const users = defineActor({
  name: "users",
  accepts: { RegisterCustomer, ChangeRole, StartSession, EndSession, ReportRefreshReuse, AddAddress },
  records: {
    CustomerRegistered,
    RegistrationRepeated,
    RoleChanged,
    SessionStarted,
    SessionEnded,
    RefreshReuseDetected,
    AddressAdded,
  },
  initialState: (): AccountState => ({ role: null }),

  decide: {
    RegisterCustomer: ({ role }, { customerId, role: wanted }) =>
      role === null ? CustomerRegistered({ customerId, role: wanted }) : RegistrationRepeated({ customerId }),
    ChangeRole: (state, data) => registered(state, RoleChanged(data)),
    StartSession: (state, data) => registered(state, SessionStarted(data)),
    EndSession: (state, data) => registered(state, SessionEnded(data)),
    ReportRefreshReuse: (state, data) => registered(state, RefreshReuseDetected(data)),
    AddAddress: (state, data) => registered(state, AddressAdded(data)),
  },

  evolve: {
    CustomerRegistered: (_state, { role }) => ({ role }),
    RegistrationRepeated: (state) => state,
    RoleChanged: (_state, { role }) => ({ role }),
    SessionStarted: (state) => state,
    SessionEnded: (state) => state,
    RefreshReuseDetected: (state) => state,
    AddressAdded: (state) => state,
  },
});

/** The tables refer to the account's row, so a command without one is a bug of this service and nobody else's. */
function registered<Event>({ role }: AccountState, event: Event): Event {
  invariant(role !== null, "Cannot take command: the account was never registered");
  return event;
}
