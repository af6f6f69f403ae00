import type { Account, AddressVersion, Session } from "../account_store.ts";
import type { Role } from "../contract.ts";
import type { Throttle } from "../login_throttle.ts";

/** Rows as the driver gives them. */
export interface AccountRow {
  readonly customer_id: string;
  readonly email: string;
  readonly email_key: string;
  readonly display_name: string;
  readonly password_hash: string;
  readonly role: Role;
  readonly registered_at: Date;
}

export interface SessionRow {
  readonly session_id: string;
  readonly customer_id: string;
  readonly started_at: Date;
  readonly expires_at: Date;
}

export interface AddressRow {
  readonly address_ref: string;
  readonly customer_id: string;
  readonly recipient: string;
  readonly lines: readonly string[];
  readonly postal_code: string;
  readonly city: string;
  readonly region: string | null;
  readonly country_code: string;
  readonly added_at: Date;
}

export interface ThrottleRow {
  readonly subject: string;
  readonly attempt_count: number;
  readonly last_at: Date;
  readonly blocked_until: Date | null;
}

export function accountFromRow(row: AccountRow): Account {
  return {
    customerId: row.customer_id,
    email: row.email,
    emailKey: row.email_key,
    displayName: row.display_name,
    passwordHash: row.password_hash,
    role: row.role,
    registeredAtMs: row.registered_at.getTime(),
  };
}

export function sessionFromRow(row: SessionRow): Session {
  return {
    sessionId: row.session_id,
    customerId: row.customer_id,
    startedAtMs: row.started_at.getTime(),
    expiresAtMs: row.expires_at.getTime(),
  };
}

export function addressFromRow(row: AddressRow): AddressVersion {
  return {
    addressRef: row.address_ref,
    customerId: row.customer_id,
    recipient: row.recipient,
    lines: [...row.lines],
    postalCode: row.postal_code,
    city: row.city,
    ...(row.region === null ? {} : { region: row.region }),
    countryCode: row.country_code,
    addedAtMs: row.added_at.getTime(),
  };
}

export function throttleFromRow(row: ThrottleRow): Throttle {
  return {
    attemptCount: row.attempt_count,
    lastAtMs: row.last_at.getTime(),
    blockedUntilMs: row.blocked_until?.getTime() ?? 0,
  };
}
