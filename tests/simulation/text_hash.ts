/**
 * Hashes a text: 64 bits, in the form of a SHA-256 in base64url. Good against chance and not against anybody.
 *
 * @returns `undefined` if the text is not ASCII.
 */
export function textHash(text: string): string | undefined {
  let one = 0x9e3779b9;
  let other = 0x85ebca6b;
  let seen = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    seen |= unit;
    one = Math.imul(one ^ unit, 0x01000193);
    other = Math.imul(other ^ unit, 0x5bd1e995) ^ (other >>> 13);
  }
  return seen > 0x7f ? undefined : `${padding}${hex(one)}${hex(other)}`;
}

const padding = "A".repeat(43 - 16);

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, "0");
}
