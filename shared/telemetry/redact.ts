import {
  CREDIT_CARD_NUMBER_PATTERN,
  EMAIL_ADDRESS_PATTERN,
  JWT_PATTERN,
  type RedactionPattern,
} from "@logtape/redaction";

/** What stands in the place of a secret. */
export const redactedMark = "[redacted]";

/**
 * Names of fields whose values are never written. Narrower than the library's own list, which would hide `key`, `addressRef`
 * and `routingKey`, the words that operators search for.
 */
export const secretFields: readonly RegExp[] = [
  /pass(word|phrase|code)/i,
  /secret/i,
  /credential/i,
  /private_?key/i,
  /^(proxy-)?authorization$/i,
  /cookie/i,
  /^(\w+[_-]?)?(token|jwt|jws)$/i,
  /^e-?mail(address)?$/i,
  /^phone(number)?$/i,
  /^(card|pan|cvc|cvv|iban)(_?number)?$/i,
  /^api_?key$/i,
];

/** What is hidden inside any text, whatever the field is called. */
const patterns: readonly RedactionPattern[] = [
  // The password in a URL, before the e-mail pattern takes "password@host" for an address.
  { pattern: /([a-z][a-z0-9+.-]*:\/\/)[^\s/@"']+@/gi, replacement: `$1${redactedMark}@` },
  JWT_PATTERN,
  EMAIL_ADDRESS_PATTERN,
  // Not 13 digits, as the library has it: every tenth timestamp in milliseconds is a valid card number of that length.
  {
    pattern: /(?<![\d.-])(?:\d{14,19}|\d{4}(?:[ -]\d{4,6}){2,3}(?:[ -]\d{1,4})?)(?![\d-])/g,
    replacement: CREDIT_CARD_NUMBER_PATTERN.replacement as (match: string) => string,
  },
  // What follows the name of an authentication scheme.
  { pattern: /\b(Bearer|Basic)\s+[\w.~+/=-]{8,}/g, replacement: `$1 ${redactedMark}` },
];

const depthMax = 8;
const membersMax = 200;

/** @returns The text without tokens, e-mail addresses, card numbers and passwords in URLs. */
export function redactText(text: string): string {
  return patterns.reduce(
    (found, { pattern, replacement }) =>
      typeof replacement === "string"
        ? found.replaceAll(pattern, replacement)
        : found.replaceAll(pattern, (match) => replacement(match)),
    text,
  );
}

/**
 * Copies anything into plain data without secrets: by the name of a field, and by what a text looks like. Errors become
 * data with message, stack and cause, so that a secret in a stack is found as well.
 *
 * Done on values and not on the finished line, where a pattern could eat half of an escape and leave broken JSON.
 *
 * @param value Anything that was logged. Depth and members are bounded.
 * @returns A copy; the original stays as it is.
 */
export function redact(value: unknown): unknown {
  return copy(value, 0, new Set());
}

function copy(value: unknown, depth: number, above: ReadonlySet<object>): unknown {
  if (typeof value === "string") return redactText(value);
  if (typeof value === "number") return isCardNumber(value) ? redactedMark : value;
  if (typeof value === "bigint") return redactText(String(value));
  if (typeof value === "function" || typeof value === "symbol") return `[${typeof value}]`;
  if (typeof value !== "object" || value === null) return value;
  if (above.has(value)) return "[circular]";
  if (depth === depthMax) return "[deep]";
  const path = new Set(above).add(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "[invalid date]" : value.toISOString();
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (value instanceof Error) return copyMembers(membersOfError(value), depth, path);
  if (value instanceof Map) return copy([...value].slice(0, membersMax), depth, path);
  if (value instanceof Set) return copy([...value].slice(0, membersMax), depth, path);
  if (Array.isArray(value)) return value.slice(0, membersMax).map((item) => copy(item, depth + 1, path));
  return copyMembers(Object.entries(value), depth, path);
}

function copyMembers(
  members: readonly (readonly [string, unknown])[],
  depth: number,
  path: ReadonlySet<object>,
): Record<string, unknown> {
  return Object.fromEntries(
    members.slice(0, membersMax).map(([name, member]) => [
      name,
      isSecret(name) && member !== undefined ? redactedMark : copy(member, depth + 1, path),
    ]),
  );
}

function membersOfError(error: Error): readonly (readonly [string, unknown])[] {
  const { name, message, stack, cause } = error;
  return [
    ["name", name],
    ["message", message],
    ...(stack === undefined ? [] : [["stack", stack] as const]),
    ...(cause === undefined ? [] : [["cause", cause] as const]),
    ...Object.entries(error).filter(([member]) => !errorMembers.has(member)),
  ];
}

function isSecret(field: string): boolean {
  return secretFields.some((pattern) => pattern.test(field));
}

/** Sixteen digits as a number; shorter ones are timestamps and amounts. */
function isCardNumber(value: number): boolean {
  return value >= 1e14 && redactText(String(value)) !== String(value);
}

const errorMembers: ReadonlySet<string> = new Set(["name", "message", "stack", "cause"]);
