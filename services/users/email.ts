/**
 * Brings an e-mail address into the form that two spellings of one mailbox share.
 *
 * Lower case throughout: the local part may by the letter of RFC 5321 depend on case, but no mail provider of note does
 * so, and two accounts that differ in case only are a trap.
 *
 * @param email An address that was checked to be one.
 */
export function emailKeyOf(email: string): string {
  return email.trim().normalize("NFC").toLowerCase();
}
