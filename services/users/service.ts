/**
 * What users says about itself.
 *
 * @module
 */
import { defineService } from "@mesh/contract";
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
  RoleChanged,
  SessionEnded,
  SessionStarted,
  StartSession,
} from "./contract.ts";

export const service = defineService({
  name: "users",
  purpose: "accounts, credentials, sessions and addresses: all personal data",
  accepts: [RegisterCustomer, ChangeRole, StartSession, EndSession, ReportRefreshReuse, AddAddress],
  publishes: [
    CustomerRegistered,
    RegistrationRepeated,
    RoleChanged,
    SessionStarted,
    SessionEnded,
    RefreshReuseDetected,
    AddressAdded,
  ],
  sends: [],
  subscribes: [],
  calls: [],
  variables: ["USERS_TOKEN_KEY_FILE", "USERS_SEED_FILE", "USERS_CLIENT_ID"],
  internalPort: 9101,
});
