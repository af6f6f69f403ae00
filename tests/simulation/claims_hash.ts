/**
 * Hashes what an envelope says: 64 bits, in the form of a SHA-256 in base64url. Good against chance and not against
 * anybody. Equal claims in another order have another hash.
 *
 * @returns `undefined` for what is best left to the real codec: more than `lengthMax` characters, or some beyond ASCII.
 */
export function claimsHash(claims: object, lengthMax: number): string | undefined {
  one = 0x9e3779b9;
  other = 0x85ebca6b;
  seen = 0;
  length = 0;
  mixValue(claims);
  return seen > 0x7f || length > lengthMax ? undefined : `${padding}${hex(one)}${hex(other)}`;
}

let one = 0;
let other = 0;
let seen = 0;
let length = 0;

function mixValue(value: unknown): void {
  if (typeof value === "string") return mixText(value);
  if (typeof value === "object" && value !== null) {
    mix(Array.isArray(value) ? 0x101 : 0x102);
    for (const name in value) {
      const member = (value as Readonly<Record<string, unknown>>)[name];
      if (member === undefined) continue;
      mixText(name);
      mixValue(member);
    }
    return mix(0x103);
  }
  if (typeof value !== "number" || (value | 0) !== value) {
    mix(0x106);
    return mixText(String(value));
  }
  length += 10;
  mix(0x104);
  mix(value);
}

function mixText(text: string): void {
  length += text.length + 3;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    seen |= unit;
    mix(unit);
  }
  mix(0x105);
}

function mix(value: number): void {
  one = Math.imul(one ^ value, 0x01000193);
  other = Math.imul(other ^ value, 0x5bd1e995) ^ (other >>> 13);
}

const padding = "A".repeat(43 - 16);

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, "0");
}
