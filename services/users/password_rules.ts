/** Why a new password is refused. */
export type PasswordFault = "too-short" | "too-long" | "too-common";

/** Shortest and longest password, counted in characters (code points) after normalisation. */
export const passwordLengthMin = 12;
export const passwordLengthMax = 128;

/**
 * Brings a password into the one form that is hashed, so that the same keys pressed elsewhere give the same password.
 *
 * @see NIST SP 800-63B 5.1.1.2: NFKC, spaces kept, nothing cut off.
 */
export function normalisePassword(password: string): string {
  return password.normalize("NFKC");
}

/**
 * Judges a new password: length, and whether it is among the first that anybody would guess. No rules of composition
 * (NIST SP 800-63B advises against them).
 *
 * @param password Already normalised.
 * @param email The account's own address is the easiest guess of all.
 * @returns What is wrong, or `undefined`.
 *
 * @example
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { findPasswordFault } from "./password_rules.ts";
 *
 * assertEquals(findPasswordFault("password1234", "mina@example.com"), "too-common");
 * assertEquals(findPasswordFault("four words in a row", "mina@example.com"), undefined);
 * ```
 */
export function findPasswordFault(password: string, email: string): PasswordFault | undefined {
  const length = [...password].length;
  if (length < passwordLengthMin) return "too-short";
  if (length > passwordLengthMax) return "too-long";
  const folded = password.toLowerCase();
  const isOneCharacter = new Set(folded).size === 1;
  return isOneCharacter || commonest.has(folded) || folded === email.toLowerCase() ? "too-common" : undefined;
}

/** The commonest leaked passwords of at least twelve characters; the shorter ones are refused by length. */
const commonest: ReadonlySet<string> = new Set([
  "123456789012",
  "1234567890123",
  "12345678901234",
  "123456789123",
  "123123123123",
  "123456123456",
  "112233445566",
  "0123456789ab",
  "1q2w3e4r5t6y",
  "1qaz2wsx3edc",
  "qwertyuiop12",
  "qwertyuiop123",
  "qwertyuiopasdf",
  "qwerty123456",
  "qwerty1234567",
  "asdfghjkl123",
  "abcdefghijkl",
  "abcdefg12345",
  "abc123abc123",
  "password1234",
  "password12345",
  "password123456",
  "passwordpassword",
  "password!234",
  "p@ssw0rd1234",
  "passw0rd1234",
  "iloveyou1234",
  "iloveyou12345",
  "letmeinletmein",
  "welcome12345",
  "welcome123456",
  "administrator",
  "admin1234567",
  "administrator1",
  "changemechangeme",
  "changeme1234",
  "correcthorsebatterystaple",
  "jangteo12345",
  "jangteojangteo",
]);
