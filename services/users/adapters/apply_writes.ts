import type postgres from "postgres";
import { ConflictError } from "@mesh/base";
import type { Account, AccountWrite, RefreshToken, Session } from "../account_store.ts";

/** A transaction, or anything else that takes statements. */
export type Statements = postgres.ISql;

/**
 * Writes rows inside a transaction that somebody else commits.
 *
 * @throws {ConflictError} As `AccountWrite` says; the transaction must not be committed then.
 */
export async function applyWrites(sql: Statements, writes: readonly AccountWrite[]): Promise<void> {
  for (const write of writes) await applyWrite(sql, write);
}

async function applyWrite(sql: Statements, write: AccountWrite): Promise<void> {
  switch (write.kind) {
    case "add-account":
      return await addAccount(sql, write.account);
    case "change-role":
      await sql`update users.account set role = ${write.role} where customer_id = ${write.customerId}`;
      return;
    case "replace-password":
      await sql`
        update users.account set password_hash = ${write.passwordHash} where customer_id = ${write.customerId}`;
      return;
    case "start-session":
      return await startSession(sql, write.session, write.token);
    case "end-session": {
      const ended = await sql`
        update users.session set ended_at = ${new Date(write.atMs)}, end_reason = 'logged-out'
        where session_id = ${write.sessionId} and ended_at is null`;
      return refuseUnless(ended.count === 1, "session-over");
    }
    case "end-all-sessions":
      await sql`
        update users.session set ended_at = ${new Date(write.atMs)}, end_reason = 'revoked'
        where customer_id = ${write.customerId} and ended_at is null`;
      return;
    case "note-reuse-reported": {
      const noted = await sql`
        update users.session set reported_at = ${new Date(write.atMs)}
        where session_id = ${write.sessionId} and end_reason = 'reuse' and reported_at is null`;
      return refuseUnless(noted.count === 1, "already-reported");
    }
    case "add-address":
      return await addAddress(sql, write);
  }
}

async function addAccount(sql: Statements, account: Account): Promise<void> {
  const { customerId, email, emailKey, displayName, passwordHash, role, registeredAtMs } = account;
  const added = await sql`
    insert into users.account (customer_id, email, email_key, display_name, password_hash, role, registered_at)
    values (${customerId}, ${email}, ${emailKey}, ${displayName}, ${passwordHash}, ${role}, ${new Date(registeredAtMs)})
    on conflict (email_key) do nothing`;
  refuseUnless(added.count === 1, "email-taken");
}

async function startSession(sql: Statements, session: Session, token: RefreshToken): Promise<void> {
  const { sessionId, customerId, startedAtMs, expiresAtMs } = session;
  await sql`
    insert into users.session (session_id, customer_id, started_at, expires_at)
    values (${sessionId}, ${customerId}, ${new Date(startedAtMs)}, ${new Date(expiresAtMs)})`;
  await insertToken(sql, token);
  // Ten leave for each one that comes, so the table holds what lives and little more.
  await sql`
    delete from users.session where session_id in (
      select session_id from users.session
      where expires_at < ${new Date(startedAtMs - keptMs)}
        and (end_reason is distinct from 'reuse' or reported_at is not null)
      order by expires_at limit 10 for update skip locked)`;
}

/** Sessions are kept for a day past their end, for people who look into a finding. */
const keptMs = 86_400_000;

/** Stores a refresh token's hash. */
export async function insertToken(sql: Statements, token: RefreshToken): Promise<void> {
  const { tokenHash, sessionId, issuedAtMs, expiresAtMs } = token;
  await sql`
    insert into users.refresh_token (token_hash, session_id, issued_at, expires_at)
    values (${tokenHash}, ${sessionId}, ${new Date(issuedAtMs)}, ${new Date(expiresAtMs)})`;
}

type AddressAddition = Extract<AccountWrite, { readonly kind: "add-address" }>;

async function addAddress(sql: Statements, { address, idempotencyKey, countMax }: AddressAddition): Promise<void> {
  const { addressRef, customerId, recipient, lines, postalCode, city, region = null, countryCode, addedAtMs } = address;
  // The account's row is the lock that makes looking, counting and adding one step.
  await sql`select 1 from users.account where customer_id = ${customerId} for update`;
  const known = await sql`
    select 1 from users.address where customer_id = ${customerId} and idempotency_key = ${idempotencyKey}`;
  refuseUnless(known.count === 0, "key-known");
  const added = await sql`
    insert into users.address
      (address_ref, customer_id, recipient, lines, postal_code, city, region, country_code, added_at, idempotency_key)
    select ${addressRef}, ${customerId}, ${recipient},
      array(select jsonb_array_elements_text(${JSON.stringify(lines)}::text::jsonb)),
      ${postalCode}, ${city}, ${region}, ${countryCode}, ${new Date(addedAtMs)}, ${idempotencyKey}
    where (select count(*) from users.address where customer_id = ${customerId}) < ${countMax}`;
  refuseUnless(added.count === 1, "too-many-addresses");
}

function refuseUnless(isDone: boolean, reason: string): void {
  if (!isDone) throw new ConflictError(`Cannot write account rows: ${reason}`, { reason });
}
