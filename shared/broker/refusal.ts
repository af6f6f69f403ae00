import { ContractError, UnavailableError } from "@mesh/base";
import type { OutgoingMessage } from "./broker.ts";

/**
 * Why the broker did not take or give something; the `reason` of an `UnavailableError` from this package.
 *
 * - `connection-lost`: no connection, or it ended before the outcome was known; publish again later.
 * - `channel-lost`: another publish of the same channel was refused; the outcome of this one is unknown.
 * - `confirm-late`: no confirm within the deadline; the outcome is unknown.
 * - `blocked`: the broker is short of memory or disk; nothing was sent.
 * - `window-full`: too much is unconfirmed already; nothing was sent.
 * - `access-refused`, `not-found`, `precondition-failed`: the broker refused this very request; repeating it changes
 *   nothing until somebody changes rights or topology.
 */
export type BrokerReason =
  | "connection-lost"
  | "channel-lost"
  | "confirm-late"
  | "blocked"
  | "window-full"
  | "access-refused"
  | "not-found"
  | "precondition-failed";

/** @returns An error that names the broker and one of {@link BrokerReason}. */
export function brokerError(message: string, reason: BrokerReason, cause?: unknown): UnavailableError {
  return new UnavailableError(message, {
    dependency: "rabbitmq",
    reason,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** @returns The reason that an AMQP reply code stands for, if it is a refusal of one request. */
export function reasonOfCode(code: unknown): BrokerReason | undefined {
  if (code === 403) return "access-refused";
  if (code === 404) return "not-found";
  return code === 406 ? "precondition-failed" : undefined;
}

/** 48 KiB: the largest envelope (`docs/envelope.md`). */
export const bodyBytesMax = 48 * 1024;
/** 255 bytes: what AMQP's short strings hold; a longer one cannot be encoded. */
const shortStringBytesMax = 255;

/**
 * Refuses what no broker could carry, before anything is written to a connection.
 *
 * @throws {ContractError} If the body, the routing key or a property is too long, or a header belongs to the broker.
 */
export function checkOutgoing(message: OutgoingMessage): void {
  const { body, routingKey, messageId, type, correlationId = "", headers } = message;
  if (body.byteLength > bodyBytesMax) {
    throw new ContractError(
      `Cannot publish "${messageId}": body has ${body.byteLength} bytes, at most ${bodyBytesMax} are allowed`,
      { reason: "oversized" },
    );
  }
  if (isTooLong(routingKey) || isTooLong(messageId) || isTooLong(type) || isTooLong(correlationId)) {
    throw new ContractError(`Cannot publish "${messageId}": a property has more than ${shortStringBytesMax} bytes`);
  }
  for (const name in headers) {
    if (isBrokerHeader(name)) {
      throw new ContractError(`Cannot publish "${messageId}": header "${name}" belongs to the broker`);
    }
  }
}

/** Whether a header is the broker's own; a copy of one, such as `x-death`, must not travel on. */
export function isBrokerHeader(name: string): boolean {
  return name.startsWith("x-") || name === "CC" || name === "BCC";
}

/** A character takes at most three bytes of UTF-8, so that only long ones need counting. */
function isTooLong(text: string): boolean {
  if (text.length <= shortStringBytesMax / 3) return false;
  return text.length > shortStringBytesMax || encoder.encode(text).length > shortStringBytesMax;
}

const encoder = new TextEncoder();
