import { z } from "zod";
import { CliError, exitCodes } from "./exit_codes.ts";
import { type MeshAccess, selected } from "./mesh_access.ts";

const Wait = z.looseObject({
  step: z.string(),
  line: z.number(),
  direction: z.string(),
  command: z.string(),
  key: z.string().optional(),
  id: z.string(),
  attempt: z.number(),
  retryAtMs: z.number().optional(),
  expiresAtMs: z.number().optional(),
});

/** What a saga says of itself; other actors say less. */
const Explanation = z.looseObject({
  phase: z.string(),
  step: z.string().nullable(),
  needsAttention: z.boolean(),
  sinceMs: z.number(),
  shiftMs: z.number(),
  waits: z.array(Wait),
  deadline: z.object({ atMs: z.number(), for: z.string(), then: z.string() }).nullable(),
  acts: z.record(z.string(), z.string().nullable()),
});

/** A timer in a list. */
export const Timer = z.object({
  stream: z.string(),
  wakesAtMs: z.number(),
  firedAtMs: z.number().nullable(),
  dueAtMs: z.number().nullable(),
  explanation: Explanation.nullable(),
  fault: z.string().optional(),
});

/** What one actor waits for. */
export const Actor = z.object({
  stream: z.string(),
  version: z.number(),
  timer: z.object({ wakesAtMs: z.number(), firedAtMs: z.number().nullable() }).nullable(),
  dueAtMs: z.number().nullable(),
  unanswered: z.array(z.object({
    messageId: z.string(),
    type: z.string(),
    createdAtMs: z.number(),
    sentCount: z.number(),
    nextAtMs: z.number(),
  })),
  explanation: Explanation.nullable(),
});

const Acted = Actor.extend({ id: z.string(), isRepeat: z.boolean() });

/** What became of an act. */
export type Acted = z.output<typeof Acted>;

/** What every act is given. */
export interface ActOptions {
  readonly reason: string;
  /** The same id is the same act. */
  readonly id?: string;
}

/**
 * Finds the service that a stream belongs to.
 *
 * @param stream `<service>/<key>`.
 * @throws {CliError} If it names none.
 */
export function serviceOf(mesh: MeshAccess, stream: string): string {
  const [service = "", ...key] = stream.split("/");
  if (key.join("/") === "") {
    throw new CliError(exitCodes.usage, `Cannot find stream "${stream}": its form is <service>/<key>`);
  }
  return selected(mesh, service)[0]!.name;
}

/** @throws {CliError} As `call`; with 3 when there is no such actor. */
export async function readActor(mesh: MeshAccess, stream: string): Promise<z.output<typeof Actor>> {
  return await mesh.get(serviceOf(mesh, stream), `/operator/v1/timers/${encodeURIComponent(stream)}`, Actor);
}

/** Has a service do something to one of its actors. @throws {CliError} As `call`. */
export async function actOn(
  mesh: MeshAccess,
  stream: string,
  { act, reason, id }: ActOptions & { readonly act: Readonly<Record<string, unknown>> },
): Promise<Acted> {
  const body = { stream, reason, act, ...(id === undefined ? {} : { id }) };
  return await mesh.post(serviceOf(mesh, stream), "/operator/v1/acts", { body, schema: Acted });
}
