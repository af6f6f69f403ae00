import { ConflictError } from "@mesh/base";
import type { Account } from "./account_store.ts";
import { RegisterCustomer } from "./contract.ts";
import { emailKeyOf } from "./email.ts";
import { repeatedNoticePolicy, takeAttempt } from "./login_throttle.ts";
import type { AccountParts } from "./parts.ts";
import { findPasswordFault, normalisePassword, type PasswordFault } from "./password_rules.ts";
import { repeatedNoticeSubject } from "./throttle_subject.ts";

/** What somebody who registers says. */
export interface RegistrationForm {
  readonly email: string;
  readonly password: string;
  readonly displayName: string;
}

/** What the caller may know: whether the form was in order, and nothing about other accounts. */
export type Registration =
  | { readonly outcome: "accepted" }
  | { readonly outcome: "password-refused"; readonly fault: PasswordFault };

/** Answers leave on multiples of this, in milliseconds: one insert more or less is not to be read off the time. */
export const registrationQuantumMs = 100;

/**
 * Registers an account, or notes that somebody tried to with an address that has one. Both do the same work in the same
 * order (hash, look-up, one turn), end in the same answer, and leave on the same beat.
 *
 * @returns What the caller may know.
 * @throws {UnavailableError} If the database is away or too many passwords wait to be hashed.
 */
export async function register(parts: AccountParts, form: RegistrationForm): Promise<Registration> {
  const { clock, hasher } = parts;
  const password = normalisePassword(form.password);
  const fault = findPasswordFault(password, form.email);
  if (fault !== undefined) return { outcome: "password-refused", fault };
  const startedAtMs = clock.monotonicMs();
  try {
    const passwordHash = await hasher.hash(password);
    await addOrNote(parts, makeAccount(parts, { ...form, passwordHash, role: "customer" }));
    return { outcome: "accepted" };
  } finally {
    // Failures keep the beat, too: an error that came early would tell which way was taken.
    const elapsedMs = clock.monotonicMs() - startedAtMs;
    await clock.delay(Math.ceil(elapsedMs / registrationQuantumMs) * registrationQuantumMs - elapsedMs);
  }
}

/**
 * Makes an account that is not stored yet, under a new pseudonym.
 *
 * @param form `passwordHash` is a PHC string.
 */
export function makeAccount(
  { ids, clock }: AccountParts,
  { email, displayName, passwordHash, role }: Pick<Account, "email" | "displayName" | "passwordHash" | "role">,
): Account {
  return {
    customerId: ids.next(),
    email: email.trim(),
    emailKey: emailKeyOf(email),
    displayName,
    passwordHash,
    role,
    registeredAtMs: clock.nowMs(),
  };
}

/**
 * Stores an account and its event.
 *
 * @returns false if the address was taken in the meantime; nothing is stored then.
 */
export async function addAccount({ turns }: AccountParts, account: Account): Promise<boolean> {
  const { customerId, role } = account;
  const cause = { subject: customerId, via: "users" };
  try {
    await turns.run(RegisterCustomer({ customerId, role }), [{ kind: "add-account", account }], cause);
    return true;
  } catch (error) {
    if (error instanceof ConflictError && error.reason === "email-taken") return false;
    throw error;
  }
}

async function addOrNote(parts: AccountParts, account: Account): Promise<void> {
  const known = await parts.store.findAccountByEmail(account.emailKey);
  if (known === undefined && await addAccount(parts, account)) return;
  const taken = known ?? await parts.store.findAccountByEmail(account.emailKey);
  // Nobody is the cause: whoever tried has proved nothing.
  if (taken !== undefined && await isNoticeDue(parts, account.emailKey)) {
    await parts.turns.run(RegisterCustomer({ customerId: taken.customerId, role: taken.role }), []);
  }
}

async function isNoticeDue({ store, clock }: AccountParts, emailKey: string): Promise<boolean> {
  const nowMs = clock.nowMs();
  let isDue = false;
  await store.changeThrottles([repeatedNoticeSubject(emailKey)], nowMs, ([throttle]) => {
    const attempt = takeAttempt([{ throttle, policy: repeatedNoticePolicy }], nowMs);
    isDue = attempt.isAllowed;
    return attempt.isAllowed ? attempt.throttles : undefined;
  });
  return isDue;
}
