import { ContractError } from "@mesh/base";
import { z } from "zod";

/** Why an operator acts; recorded and signed. */
export const reason = z.string().min(3).max(500);

/**
 * Reads what came with a request.
 *
 * @throws {ContractError} If it breaks the schema; the message names the first thing that does.
 */
export function readRequest<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new ContractError(`Cannot read request: ${issue?.path.join(".") || "body"}: ${issue?.message}`);
}
