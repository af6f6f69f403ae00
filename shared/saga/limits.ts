import { ConfigError } from "@mesh/base";

/**
 * How long a saga waits; configured by the host, so that demos and tests shorten it.
 *
 * An instance keeps the limits that it was started with: its history must replay on a host that is configured otherwise.
 */
export interface SagaLimits {
  /** Silence after which a step is unknown and undone, for steps that state no limit of their own; in milliseconds. */
  readonly giveUpAfterMs: number;
  /** Time in a pivot, must-succeed, undo or end step after which the saga needs attention; in milliseconds. */
  readonly attentionAfterMs: number;
  /** Wait before the second attempt of a must-succeed step that was refused, in milliseconds; doubles from there. */
  readonly retryFirstMs: number;
  /** Longest wait between two such attempts, in milliseconds. */
  readonly retryMaxMs: number;
}

/** What a host may override. `giveUpAfterMs` given here also wins over what a step says of itself. */
export type LimitOverrides = Partial<SagaLimits>;

/** Limits as an instance keeps them: the defaults are filled in, an override of `giveUpAfterMs` stays visible. */
export type PinnedLimits = Omit<SagaLimits, "giveUpAfterMs"> & { readonly giveUpAfterMs?: number };

/** What holds where nobody says otherwise. Ten minutes: longer than any outage that a customer would wait out. */
export const defaultLimits: SagaLimits = Object.freeze({
  giveUpAfterMs: 600_000,
  attentionAfterMs: 900_000,
  retryFirstMs: 1_000,
  retryMaxMs: 600_000,
});

/**
 * Fills in the defaults.
 *
 * @param overrides Whole milliseconds, at least 1.
 * @throws {ConfigError} If a limit is not a positive whole number; the message names every such limit.
 */
export function pinLimits(overrides: LimitOverrides = {}): PinnedLimits {
  const wrong = Object.entries(overrides).filter(([, value]) => !(Number.isInteger(value) && value >= 1));
  if (wrong.length > 0) {
    throw new ConfigError(
      `Cannot use saga limits: ${
        wrong.map(([name, value]) => `${name} is ${value}`).join(", ")
      }, need whole milliseconds above 0`,
    );
  }
  const { giveUpAfterMs: _default, ...defaults } = defaultLimits;
  return Object.freeze({ ...defaults, ...overrides });
}

/**
 * Says how long to wait before the next attempt of a step that must succeed.
 *
 * @param attempt Attempts already refused, at least 1.
 * @returns Whole milliseconds: `retryFirstMs`, doubling up to `retryMaxMs`.
 */
export function retryDelayMs(attempt: number, { retryFirstMs, retryMaxMs }: PinnedLimits): number {
  return Math.min(retryFirstMs * 2 ** Math.min(attempt - 1, 40), retryMaxMs);
}
