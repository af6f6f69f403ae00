import type { Command } from "commander";
import { z } from "zod";
import { CliError, exitCodes } from "./exit_codes.ts";
import type { MeshAccess } from "./mesh_access.ts";
import type { AddCommands } from "./program.ts";
import { call, type Send } from "./service_client.ts";
import { plain } from "./terminal.ts";
import { causalOrder, isSound, soleCause, type TimelineEvent, timelineText } from "./timeline.ts";
import { dateTime, duration } from "./times.ts";
import { localVerifier, PublishedKeys, type VerifyLocally } from "./verify_locally.ts";

/** How timelines are told. */
export interface TimelineOptions {
  /** What a flow is called here: `order`. */
  readonly noun: string;
  /** Service that keeps all events. */
  readonly auditService: string;
  /** Where the mesh's public keys are. */
  readonly keysUrl: string;
  readonly send: Send;
}

const Page = z.object({
  items: z.array(z.looseObject({
    recordedAt: z.iso.datetime(),
    envelope: z.string(),
    verification: z.object({ verified: z.boolean(), reason: z.string().optional() }),
    chain: z.string().nullable(),
  })),
  next: z.string().nullable(),
  completeUntil: z.iso.datetime().nullable(),
});
type Page = z.output<typeof Page>;

/** Events of one flow that are told at most; a flow has some dozens. */
const eventsMax = 10_000;

/** `<noun> timeline <id>`: tells a flow, event by event, with every signature checked here as well. */
export function timelineCommand(mesh: MeshAccess, options: TimelineOptions): AddCommands {
  const { noun } = options;
  return (program, output) => {
    program.command(noun).description(`what happened to one ${noun}`)
      .command("timeline")
      .description(`tell the ${noun}'s events in their order, each with whether its signature holds and by which key`)
      .argument("<id>", `of the ${noun}`)
      .addHelpText(
        "after",
        "\nThe events are the audit's. Their signatures are checked here once more, with the keys that the gateway publishes." +
          "\nExit code 1 if one does not hold, or a stream is not complete.",
      )
      .action(async (id: string, _options: unknown, command: Command) => {
        const { items, completeUntil } = await readAll(mesh, options, id);
        if (items.length === 0) {
          throw new CliError(exitCodes.notFound, `Cannot tell of ${noun} "${id}": nothing is known`);
        }
        const keys = await call({
          url: options.keysUrl,
          target: "the gateway",
          schema: PublishedKeys,
          send: options.send,
        });
        const verify = localVerifier(keys);
        const events = causalOrder(await Promise.all(items.map((item) => checked(item, verify))));
        const unsound = events.filter((event) => !isSound(event)).length;
        output.show(command, {
          json: { [noun]: id, events: events.map(jsonOf), unsound, completeUntil },
          text: () =>
            [...header(noun, id, events), timelineText(events, id), "", ...footer(events, options, completeUntil)].join(
              "\n",
            ),
        });
        if (unsound > 0) throw new CliError(exitCodes.failed, `Cannot vouch for ${unsound} of ${events.length} events`);
      });
  };
}

async function readAll(mesh: MeshAccess, { auditService }: TimelineOptions, id: string): Promise<Omit<Page, "next">> {
  const items: Page["items"] = [];
  for (let cursor: string | null = "";;) {
    const query = new URLSearchParams({ correlation: id, limit: "200", ...(cursor === "" ? {} : { cursor }) });
    const page: Page = await mesh.get(auditService, `/audit/v1/events?${query}`, Page);
    items.push(...page.items);
    cursor = page.next;
    if (cursor === null || items.length >= eventsMax) return { items, completeUntil: page.completeUntil };
  }
}

async function checked(item: Page["items"][number], verify: VerifyLocally): Promise<TimelineEvent> {
  const { recordedAt, envelope, verification, chain } = item;
  return {
    recordedAtMs: Date.parse(recordedAt),
    chain,
    verdict: await verify(envelope),
    ...(verification.verified ? {} : { auditReason: verification.reason ?? "not verified" }),
  };
}

function header(noun: string, id: string, events: readonly TimelineEvent[]): readonly string[] {
  const times = events.map(({ recordedAtMs }) => recordedAtMs);
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const cause = soleCause(events);
  return [
    `${noun} ${plain(id)}: ${events.length} events from ${dateTime(first)}, within ${duration(last - first)}`,
    ...(cause === undefined ? [] : [`on behalf of ${plain(cause)}`]),
    "",
  ];
}

function footer(
  events: readonly TimelineEvent[],
  { keysUrl }: TimelineOptions,
  completeUntil: string | null,
): readonly string[] {
  const verified = events.filter(({ verdict }) => verdict.isVerified).length;
  const kids = new Set(events.map(({ verdict }) => verdict.kid));
  const mark = verified === events.length ? "✔" : "✘";
  const until = completeUntil === null
    ? "The audit has not read every service yet: events may be missing"
    : `Nothing that was recorded before ${dateTime(Date.parse(completeUntil))} is missing`;
  return [
    `${mark} ${verified} of ${events.length} signatures verified here, by ${kids.size} keys of ${keysUrl}`,
    until,
  ];
}

function jsonOf({ recordedAtMs, auditReason, chain, verdict }: TimelineEvent) {
  const { isVerified, kid, reason, claims } = verdict;
  return {
    recordedAt: new Date(recordedAtMs).toISOString(),
    id: claims?.jti ?? null,
    type: claims?.evt ?? null,
    subject: claims?.sub ?? null,
    position: claims?.n ?? null,
    actor: claims?.act?.sub ?? null,
    causation: claims?.cau ?? null,
    answers: claims?.re ?? [],
    data: claims?.dat ?? null,
    verified: isVerified,
    kid,
    ...(reason === undefined ? {} : { reason }),
    ...(auditReason === undefined ? {} : { auditReason }),
    chain,
  };
}
