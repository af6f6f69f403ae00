import type { AnyCommand } from "@mesh/contract";
import { accountOf, type GatewayContext } from "./gateway_env.ts";
import type { GatewayParts } from "./gateway_parts.ts";
import type { Acceptance, StoredAnswer } from "./requests.ts";

/** A command on its way out, with the request that led to it. */
export interface Outgoing {
  readonly command: AnyCommand;
  /** Message id, drawn before, where the answer names it. */
  readonly id: string;
  /** The flow; the message id when absent. */
  readonly correlation?: string;
  readonly acceptance: Acceptance;
}

/**
 * Signs a command in the name of whoever is calling and commits it together with the stored answer.
 *
 * @returns The answer.
 */
export async function sendCommand(
  context: GatewayContext,
  { commands, requests }: Pick<GatewayParts, "commands" | "requests">,
  { command, id, correlation, acceptance }: Outgoing,
): Promise<StoredAnswer> {
  const { subject, tokenHash } = accountOf(context);
  await commands.send(command, {
    id,
    ...(correlation === undefined ? {} : { correlation }),
    cause: { subject, via: "gateway", tokenHash },
    commit: (writes) => requests.accept(writes, acceptance),
  });
  return acceptance.answer;
}
