import { ConfigError } from "@mesh/base";
import type { LimitOverrides } from "@mesh/saga";
import { z } from "zod";

const positive = z.int().min(1).optional();
const schema = z.strictObject({
  giveUpAfterMs: positive,
  attentionAfterMs: positive,
  retryFirstMs: positive,
  retryMaxMs: positive,
});

/**
 * Reads how patient sagas are.
 *
 * @param text `SAGA_LIMITS`: a JSON object of milliseconds that replace single defaults; absent for the defaults.
 * @throws {ConfigError} If it is anything else.
 */
export function sagaLimits(text: string | undefined): LimitOverrides {
  if (text === undefined || text === "") return {};
  try {
    return schema.parse(JSON.parse(text)) as LimitOverrides;
  } catch (error) {
    throw new ConfigError(`Cannot read SAGA_LIMITS: ${String(error)}`, { cause: error });
  }
}
