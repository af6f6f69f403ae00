import type { Context, Received } from "@mesh/actor";
import type { AnyMessage } from "@mesh/contract";

/** Where test time starts: the first moment of 2026, UTC. */
export const testStart: Date = new Date("2026-01-01T00:00:00Z");

/** The id of a message that a test did not care to give one. */
export const testMessageId = "019b76da-a800-7000-8000-000000000001";

/**
 * Makes the facts about a delivery that a decision may use.
 *
 * @param overrides What the test cares about; the rest is fixed.
 */
export function testContext(overrides: Partial<Context> = {}): Context {
  return { now: testStart, messageId: testMessageId, correlation: "test", issuer: "test", ...overrides };
}

/**
 * Makes a message as a behaviour receives it: verified, parsed, with an id.
 *
 * @param message Made by its contract.
 * @param overrides For example the id, or the correlation where it is not the key.
 */
export function received(message: AnyMessage, overrides: Partial<Received> = {}): Received {
  const { kind, type, version, key, data, re } = message;
  return {
    id: testMessageId,
    kind,
    type,
    version,
    key,
    correlation: key,
    recordedAtMs: testStart.getTime(),
    re: re ?? [],
    data,
    ...overrides,
  };
}
