/**
 * What one may ask of users, and what users tells everyone: pseudonyms only, never a name, an address or an e-mail.
 *
 * The commands are given by users to itself, through its internal port; no other service may send them.
 *
 * @module
 */
import { z } from "zod";
import { defineCommand, defineEvent } from "@mesh/contract";

/** Lower case only: two spellings of one id would be two actors. */
const Id = z.uuid().regex(/^[^A-Z]*$/, "must be lower case");
const Customer = z.object({ customerId: Id });
const Session = Customer.extend({ sessionId: Id });
const Address = Customer.extend({ addressRef: Id });
const customerKey = ({ customerId }: { readonly customerId: string }): string => customerId;

/** What an account may be; each role stands for fixed scopes. */
export const roles = ["customer", "staff", "auditor", "operator"] as const;
/** One of {@link roles}. */
export type Role = (typeof roles)[number];
const WithRole = Customer.extend({ role: z.enum(roles) });

/** Registers an account. Answered by `CustomerRegistered`, or `RegistrationRepeated` where there is one already. */
export const RegisterCustomer = defineCommand("users.register-customer", {
  version: 1,
  schema: WithRole,
  key: customerKey,
});

/** Gives an account another role. Answered by `RoleChanged`, also when it had the role before. */
export const ChangeRole = defineCommand("users.change-role", { version: 1, schema: WithRole, key: customerKey });

/** Opens a session after a login. Answered by `SessionStarted`. */
export const StartSession = defineCommand("users.start-session", { version: 1, schema: Session, key: customerKey });

/** Ends a session at the customer's wish. Answered by `SessionEnded`. */
export const EndSession = defineCommand("users.end-session", { version: 1, schema: Session, key: customerKey });

/** Reports that a used refresh token came again. Answered by `RefreshReuseDetected`. */
export const ReportRefreshReuse = defineCommand("users.report-refresh-reuse", {
  version: 1,
  schema: Session,
  key: customerKey,
});

/** Adds one immutable version of an address. Answered by `AddressAdded`. */
export const AddAddress = defineCommand("users.add-address", { version: 1, schema: Address, key: customerKey });

/** There is an account under this pseudonym. */
export const CustomerRegistered = defineEvent("users.customer-registered", {
  version: 1,
  schema: WithRole,
  key: customerKey,
});

/** Somebody tried to register with the e-mail of this account; nothing has changed. */
export const RegistrationRepeated = defineEvent("users.registration-repeated", {
  version: 1,
  schema: Customer,
  key: customerKey,
});

/** The account has this role from now on; access tokens issued before keep their scope until they end. */
export const RoleChanged = defineEvent("users.role-changed", { version: 1, schema: WithRole, key: customerKey });

/** Somebody logged in with the right password. */
export const SessionStarted = defineEvent("users.session-started", { version: 1, schema: Session, key: customerKey });

/** The customer logged out: none of the session's refresh tokens works any more. */
export const SessionEnded = defineEvent("users.session-ended", { version: 1, schema: Session, key: customerKey });

/** A used refresh token came again: it was stolen, or its successor was. The whole session is revoked. */
export const RefreshReuseDetected = defineEvent("users.refresh-reuse-detected", {
  version: 1,
  schema: Session,
  key: customerKey,
});

/** `addressRef` names one immutable version of an address; what it says is told to shipping alone, over HTTP. */
export const AddressAdded = defineEvent("users.address-added", { version: 1, schema: Address, key: customerKey });

/** Every contract of the service, for locks and topology. */
export const contracts = [
  RegisterCustomer,
  ChangeRole,
  StartSession,
  EndSession,
  ReportRefreshReuse,
  AddAddress,
  CustomerRegistered,
  RegistrationRepeated,
  RoleChanged,
  SessionStarted,
  SessionEnded,
  RefreshReuseDetected,
  AddressAdded,
];
