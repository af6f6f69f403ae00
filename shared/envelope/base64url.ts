import { Buffer } from "node:buffer";

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
  return alphabet.test(text) && endsInOneSpelling(text);
}

/**
 * Decodes base64url and refuses what {@link isBase64Url} refuses, in one native pass instead of a pattern and a decoder.
 *
 * @param text base64url.
 * @param target Where the bytes go, from its start; what lies behind them is not touched.
 * @returns How many bytes were written; `undefined` if the text is not in its one spelling or has no room in `target`.
 */
export function decodeBase64Url(text: string, target: Uint8Array): number | undefined {
  if (!endsInOneSpelling(text)) return undefined;
  try {
    const { written } = target.setFromBase64(text, spelling);
    // The decoder skips white space and takes padding; either leaves fewer bytes than the text has room for.
    return written === (text.length * 3) >> 2 ? written : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Copies an ASCII text into memory of its own.
 *
 * A piece cut out of a text is only a view of it and keeps all of it alive, so that whoever remembers a piece of a token
 * remembers the token.
 *
 * @param text At most 128 characters.
 */
export function ownCopy(text: string): string {
  return copying.toString("latin1", 0, copying.write(text, "latin1"));
}

/** Whether length and last character leave no bit unused but zeros; all other characters may be anything. */
function endsInOneSpelling(text: string): boolean {
  const rest = text.length % 4;
  if (rest === 0) return text !== "";
  const last = text[text.length - 1]!;
  if (rest === 2) return "AQgw".includes(last);
  return rest === 3 && "AEIMQUYcgkosw048".includes(last);
}

/** Signatures are 86 characters long, hashes 43. */
const copying = Buffer.alloc(128);
const alphabet = /^[A-Za-z0-9_-]+$/;
const spelling = { alphabet: "base64url" } as const;
