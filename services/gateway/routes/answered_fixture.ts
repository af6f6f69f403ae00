import type { GatewayFixture } from "../gateway_fixture.ts";

/** How a test asks. */
export type AskOptions = NonNullable<Parameters<GatewayFixture["ask"]>[1]>;

/** An answer with its body read. */
export interface Answered {
  readonly status: number;
  // deno-lint-ignore no-explicit-any
  readonly body: any;
  readonly headers: Headers;
}

/** Reads a JSON answer. */
export async function readAnswer(response: Response): Promise<Answered> {
  return { status: response.status, body: await response.json(), headers: response.headers };
}
