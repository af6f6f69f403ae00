import type { Cause } from "@mesh/actor";
import { ConflictError } from "@mesh/base";
import {
  type DeadLetterQuery,
  type RedriveItemEntry,
  type RedriveItemState,
  type RedriveStatus,
  type StoredDeadLetter,
  type StoredRedrive,
  type StoredRedriveItem,
} from "@mesh/store";
import { logged, type LogOptions, operatorActed } from "./operator_log.ts";
import type { RedriveJudge, Verdict } from "./redrive_judge.ts";
import { redriveBegins, type RedriveLimits, type RedriveSelection, type RedriveTerms } from "./redrive_terms.ts";
import type { TurnLoop } from "./turn_loop.ts";

/** What a redrive would do. */
export interface RedriveForecast {
  /** Their letters lack their bodies. */
  readonly verdicts: readonly Verdict[];
  /** Whether more letters match than the limit lets in. */
  readonly hasMore: boolean;
}

/** Redrives of many dead letters, each a job that goes on by itself. */
export interface RedriveOperations {
  /** Says of each selected letter whether it would be taken; changes nothing. */
  forecastRedrive(selection: RedriveSelection): Promise<RedriveForecast>;
  /**
   * Freezes a selection and begins to redrive it, a single message first.
   *
   * @returns The job; `undefined` when nothing is selected, and then there is none.
   */
  startRedrive(
    order: { readonly selection: RedriveSelection; readonly limits: RedriveLimits; readonly reason: string },
    by: Cause,
  ): Promise<StoredRedrive | undefined>;
  listRedrives(query: { readonly limit: number; readonly after?: string }): Promise<readonly StoredRedrive[]>;
  findRedrive(id: string): Promise<StoredRedrive | undefined>;
  listRedriveItems(
    query: {
      readonly id: string;
      readonly states?: readonly RedriveItemState[];
      readonly after?: number;
      readonly limit: number;
    },
  ): Promise<readonly StoredRedriveItem[]>;
  /**
   * Holds a job, lets it go on (a single message first), or ends it. What is under way is observed to its end in any case.
   *
   * @returns `undefined` when there is no such job.
   * @throws {ConflictError} If it stands so that this makes no sense.
   */
  steerRedrive(id: string, act: RedriveAct, how: { readonly reason: string; readonly by: Cause }): Promise<
    StoredRedrive | undefined
  >;
}

/** What operators do to a job. */
export type RedriveAct = "pause" | "resume" | "cancel";

/** What redrive operations need. */
export interface RedriveOperationsOptions extends LogOptions {
  readonly service: string;
  readonly loop: Pick<TurnLoop, "exclusively">;
  readonly judge: Pick<RedriveJudge, "judge">;
  /** Called when there is something to do. */
  readonly onWork: () => void;
}

const statusAfter = { pause: "paused", resume: "running", cancel: "cancelled" } as const;
const actedBy = { pause: "redrive-paused", resume: "redrive-resumed", cancel: "redrive-cancelled" } as const;
const possibleFrom: Readonly<Record<RedriveAct, readonly RedriveStatus[]>> = {
  pause: ["running"],
  resume: ["paused", "stopped"],
  cancel: ["running", "paused", "stopped"],
};

/** Letters that are read at once. */
const pageMax = 200;
/** Attempts to record something while others write to the log, or the job moves on. */
const attemptsMax = 5;

/** What operators do with redrives; each act is recorded and signed with what it changes. */
export function redriveOperations(options: RedriveOperationsOptions): RedriveOperations {
  const { store } = options;
  return {
    forecastRedrive: (selection) => judgeSelected(options, selection),
    startRedrive: (order, by) => start(options, order, by),
    listRedrives: (query) => store.listRedrives(query),
    findRedrive: (id) => store.findRedrive(id),
    listRedriveItems: (query) => store.listRedriveItems(query),
    steerRedrive: (id, act, how) => steer(options, id, { act, ...how }),
  };
}

async function start(
  options: RedriveOperationsOptions,
  { selection, limits, reason }: Parameters<RedriveOperations["startRedrive"]>[0],
  by: Cause,
): Promise<StoredRedrive | undefined> {
  const { store, ids, service } = options;
  const { verdicts } = await judgeSelected(options, selection);
  if (verdicts.length === 0) return undefined;
  const terms: RedriveTerms = { selection, limits, by };
  const entry = { id: ids.next(), reason, terms: jsonFrom(terms), progress: jsonFrom(redriveBegins) };
  const subjects = [entry.id, ...verdicts.map(({ letter }) => letter.id)];
  const event = operatorActed(service, { action: "redrive-started", reason, subjects });
  await recording(options, async () => {
    const act = await logged(options, [event], by);
    return { act, result: await store.startRedrive(entry, verdicts.map(itemFrom), act.writes) };
  });
  options.onWork();
  return await store.findRedrive(entry.id);
}

async function steer(
  options: RedriveOperationsOptions,
  id: string,
  { act, reason, by }: { readonly act: RedriveAct; readonly reason: string; readonly by: Cause },
): Promise<StoredRedrive | undefined> {
  const { store, service } = options;
  if (await store.findRedrive(id) === undefined) return undefined;
  const event = operatorActed(service, { action: actedBy[act], reason, subjects: [id] });
  await recording(options, async () => {
    const { status, revision, progress, counts } = (await store.findRedrive(id))!;
    if (!possibleFrom[act].includes(status)) throw new ConflictError(`Cannot ${act} redrive "${id}": it is ${status}`);
    const signed = await logged(options, [event], by);
    const result = await store.advanceRedrive({
      id,
      revision,
      status: statusAfter[act],
      statusReason: reason,
      // Whoever resumes has mended something: what failed before does not count, and the first batch is small again.
      progress: act === "resume" ? jsonFrom(redriveResumes(progress)) : progress,
      nextInMs: act === "resume" || counts.taken > 0 ? 0 : null,
      items: [],
      letterIds: [],
    }, signed.writes);
    return { act: signed, result };
  });
  options.onWork();
  return await store.findRedrive(id);
}

/** Numbers of batches go on. */
function redriveResumes(progress: StoredRedrive["progress"]): typeof redriveBegins {
  return { ...redriveBegins, batch: (progress as unknown as typeof redriveBegins).batch };
}

type Recording = () => Promise<{
  readonly act: Awaited<ReturnType<typeof logged>>;
  readonly result: Awaited<ReturnType<LogOptions["store"]["commit"]>>;
}>;

/** Commits between turns; again when somebody else was faster. */
async function recording({ loop, systemLog, publisher }: RedriveOperationsOptions, attempt: Recording): Promise<void> {
  for (let count = 1; count <= attemptsMax; count += 1) {
    const isDone = await loop.exclusively(async () => {
      const { act, result } = await attempt();
      if (result.outcome === "conflict") {
        systemLog.forget();
        return false;
      }
      act.committed();
      publisher.enqueue(act.writes.outbox);
      return true;
    });
    if (isDone) return;
  }
  throw new ConflictError("Cannot record what was done to a redrive: others were faster; ask again");
}

/** Judges what is selected, the oldest first, page by page; ids that nobody knows are left out. */
async function judgeSelected(
  options: Pick<RedriveOperationsOptions, "store" | "judge">,
  selection: RedriveSelection,
): Promise<RedriveForecast> {
  const verdicts: Verdict[] = [];
  const { limit, key } = selection;
  for await (const page of pagesOf(options, selection)) {
    for (const verdict of await options.judge.judge(page)) {
      // The key stands in the envelope alone.
      if (key !== undefined && verdict.key !== key) continue;
      if (verdicts.length === limit) return { verdicts, hasMore: true };
      // Thousands of bodies would be a burden, and nobody looks at them any more.
      verdicts.push({ ...verdict, letter: { ...verdict.letter, body: "" } });
    }
  }
  return { verdicts, hasMore: false };
}

async function* pagesOf(
  { store }: Pick<RedriveOperationsOptions, "store">,
  selection: RedriveSelection,
): AsyncGenerator<readonly StoredDeadLetter[]> {
  if (selection.ids !== undefined) {
    const ids = [...new Set(selection.ids)].sort();
    for (let at = 0; at < ids.length; at += pageMax) {
      const found = await Promise.all(ids.slice(at, at + pageMax).map((id) => store.findDeadLetter(id)));
      yield found.filter((letter) => letter !== undefined);
    }
    return;
  }
  const query = queryFrom(selection);
  for (let after = "";;) {
    const page = await store.listDeadLetters({ ...query, limit: pageMax, ...(after === "" ? {} : { after }) });
    yield page;
    if (page.length < pageMax) return;
    after = page.at(-1)!.id;
  }
}

function queryFrom(selection: RedriveSelection): Omit<DeadLetterQuery, "limit"> {
  const { class: className, type, letterReason, correlation, sinceMs, untilMs } = selection;
  return {
    status: "dead",
    isOldestFirst: true,
    ...(className === undefined ? {} : { class: className }),
    ...(type === undefined ? {} : { type }),
    ...(letterReason === undefined ? {} : { reason: letterReason }),
    ...(correlation === undefined ? {} : { correlation }),
    ...(sinceMs === undefined ? {} : { sinceMs }),
    ...(untilMs === undefined ? {} : { untilMs }),
  };
}

function itemFrom({ letter, why, detail, correlation }: Verdict): RedriveItemEntry {
  const { id: letterId, messageId, type, class: className, reason } = letter;
  const state = why === "" ? "waiting" : "refused";
  return { letterId, messageId, type, class: className, reason, correlation, state, why, detail };
}

/** What is stored is plain JSON; undefined fields are none. */
function jsonFrom(value: unknown): StoredRedrive["terms"] {
  return JSON.parse(JSON.stringify(value));
}
