/**
 * Says whether a text is base64url in its one and only spelling: no padding, no stray character, unused bits zero.
 *
 * `jose` and most decoders ignore the unused bits of the last character, so two different texts would decode alike; for
 * something that is identified by its hash that is one spelling too many.
 *
 * @returns True exactly when decoding and encoding again gives the same text; false for the empty text.
 * @see RFC 4648 3.5
 */
export function isBase64Url(text: string): boolean {
  if (!alphabet.test(text)) return false;
  const rest = text.length % 4;
  if (rest === 0) return true;
  const last = text[text.length - 1]!;
  if (rest === 2) return "AQgw".includes(last);
  return rest === 3 && "AEIMQUYcgkosw048".includes(last);
}

const alphabet = /^[A-Za-z0-9_-]+$/;
