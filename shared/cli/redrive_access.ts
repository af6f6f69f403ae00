import type { Clock } from "@mesh/base";
import { z } from "zod";
import { CliError, exitCodes } from "./exit_codes.ts";
import { assertAllAnswered, gather, type MeshAccess, selected } from "./mesh_access.ts";
import { plain } from "./terminal.ts";
import { dateTime } from "./times.ts";

const Counts = z.object({
  waiting: z.number(),
  taken: z.number(),
  handled: z.number(),
  "dead-again": z.number(),
  unknown: z.number(),
  refused: z.number(),
});

/** A redrive as its service tells it. */
export const Redrive = z.looseObject({
  id: z.string(),
  status: z.enum(["running", "paused", "stopped", "cancelled", "done"]),
  statusReason: z.string(),
  reason: z.string(),
  createdAtMs: z.number(),
  endedAtMs: z.number().nullable(),
  counts: Counts,
  terms: z.looseObject({
    selection: z.record(z.string(), z.unknown()),
    limits: z.record(z.string(), z.number()),
    by: z.looseObject({ subject: z.string() }),
  }),
  progress: z.looseObject({ batch: z.number(), batchSize: z.number() }),
});

/** A redrive, and whose it is. */
export type Redrive = z.output<typeof Redrive> & { readonly service: string };

/** Wait between two looks at a redrive, in milliseconds. */
const lookEveryMs = 1_000;

/**
 * Finds a redrive at the service that has it.
 *
 * @throws {CliError} With 3 if nobody has it; as `call` if a service that may have it does not answer.
 */
export async function findRedrive(mesh: MeshAccess, id: string, service?: string): Promise<Redrive> {
  const gathered = await gather(selected(mesh, service), async (name) => {
    try {
      return { ...await mesh.get(name, pathOf(id), Redrive), service: name };
    } catch (error) {
      if (error instanceof CliError && error.exitCode === exitCodes.notFound) return undefined;
      throw error;
    }
  });
  const found = gathered.answers.find(({ value }) => value !== undefined)?.value;
  if (found !== undefined) return found;
  assertAllAnswered(gathered);
  throw new CliError(exitCodes.notFound, `Cannot find redrive "${id}": no service has it`);
}

/** @returns Where a redrive is found at its service. */
export function pathOf(id: string): string {
  return `/operator/v1/redrives/${encodeURIComponent(id)}`;
}

/** Follows redrives until none goes on by itself any more. @returns How they stand then. */
export async function followRedrives(
  mesh: MeshAccess,
  redrives: readonly Redrive[],
  { clock, tell }: { readonly clock: Clock; readonly tell: (line: string) => void },
): Promise<readonly Redrive[]> {
  const last = new Map(redrives.map((redrive) => [redrive.id, redrive]));
  const told = new Map<string, string>();
  for (;;) {
    for (const redrive of last.values()) {
      const line = progressText(redrive);
      if (told.get(redrive.id) !== line) tell(line);
      told.set(redrive.id, line);
    }
    const open = [...last.values()].filter(isOnItsWay);
    if (open.length === 0) return [...last.values()];
    await clock.delay(lookEveryMs);
    for (const { id, service } of open) {
      const now = await lookAt(mesh, id, service);
      if (now !== undefined) last.set(id, now);
    }
  }
}

/** @returns `undefined` while the service does not answer: it goes on by itself when it is back. */
async function lookAt(mesh: MeshAccess, id: string, service: string): Promise<Redrive | undefined> {
  try {
    return { ...await mesh.get(service, pathOf(id), Redrive), service };
  } catch (error) {
    if (error instanceof CliError && error.exitCode === exitCodes.unavailable) return undefined;
    throw error;
  }
}

function isOnItsWay({ status, counts }: Redrive): boolean {
  return status === "running" || counts.taken > 0;
}

/**
 * Ends a command that has followed redrives.
 *
 * @throws {CliError} With 1 unless all came to their end and nothing failed on the way.
 */
export function assertWentWell(redrives: readonly Redrive[]): void {
  const faults = redrives.flatMap(({ service, id, status, statusReason, counts }) => {
    const failed = counts["dead-again"] + counts.unknown;
    if (status !== "done") return [`Redrive ${id} at ${service} is ${status}${statusReason && `: ${statusReason}`}`];
    return failed === 0 ? [] : [`Redrive ${id} at ${service}: ${failed} messages died again or were not heard of`];
  });
  if (faults.length > 0) throw new CliError(exitCodes.failed, faults.join("\n"));
}

/** @returns One line: how far a redrive is. */
export function progressText({ service, status, counts, progress }: Redrive): string {
  const { batch, batchSize } = progress;
  const where = status === "running" && batch > 0 ? `batch ${batch} of ${batchSize}` : status;
  return `${service}: ${where}; ${countsText(counts)}`;
}

/** @returns `3 handled, 1 under way, 12 waiting`; what is 0 is left out. */
export function countsText(counts: Redrive["counts"]): string {
  const words = [
    [counts.handled, "handled"],
    [counts["dead-again"], "dead again"],
    [counts.unknown, "not heard of"],
    [counts.refused, "refused"],
    [counts.taken, "under way"],
    [counts.waiting, "waiting"],
  ] as const;
  const told = words.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  return told.length === 0 ? "no letters" : told.join(", ");
}

/** @returns What a redrive is and how it stands, in lines. */
export function redriveText(redrive: Redrive): string {
  const { service, id, status, statusReason, reason, createdAtMs, endedAtMs, counts, terms } = redrive;
  const pairs = (of: Readonly<Record<string, unknown>>) =>
    Object.entries(of).map(([name, value]) =>
      `${name}=${Array.isArray(value) ? `${value.length} given` : String(value)}`
    );
  const lines = [
    ["redrive", id],
    ["service", service],
    ["status", statusReason === "" ? status : `${status}: ${statusReason}`],
    ["started", `${dateTime(createdAtMs)} by ${terms.by.subject}`],
    ...(endedAtMs === null ? [] : [["ended", dateTime(endedAtMs)]]),
    ["reason", reason],
    ["selected", pairs(terms.selection).join(", ")],
    ["limits", pairs(terms.limits).join(", ")],
    ["letters", countsText(counts)],
  ];
  return lines.map(([name = "", value = ""]) => `${`${name}:`.padEnd(14)}${plain(value)}`).join("\n");
}
