import { Buffer } from "node:buffer";
import { type Clock, errorCode, errorText, type IdSource, MeshError, timeOfUuidV7 } from "@mesh/base";
import { type ServiceDefinition, systemContracts } from "@mesh/contract";
import type { LetterFate, OutboxEntry, Store, StoredDeadLetter } from "@mesh/store";
import type { Generations } from "./generations.ts";
import { attemptHeader, type Intake, traceOf } from "./intake.ts";
import { withoutKnown } from "./known_events.ts";
import type { Projection } from "./projection.ts";
import type { RuntimeSettings } from "./settings.ts";

/** Why a dead letter is not redriven. */
export type RefusalWord =
  | "not-dead"
  | "untrusted"
  | "cut"
  | "no-envelope"
  | "too-old"
  | "died-again"
  | "already-handled"
  | "outside-window"
  | "not-accepted"
  | "unproven"
  | "off-schema"
  | "expired";

/** What a redrive of one letter would come to. */
export interface Verdict {
  readonly letter: StoredDeadLetter;
  /** Empty when it would be taken. */
  readonly why: RefusalWord | "";
  /** The same for people; completes the sentence "It is not redriven: …". */
  readonly detail: string;
  /** Key and flow that the message claims; empty where nothing can be read. */
  readonly key: string;
  readonly correlation: string;
}

/** What judging needs. */
export interface RedriveJudgeOptions {
  readonly definition: ServiceDefinition;
  readonly store: Store;
  readonly intake: Pick<Intake, "admit">;
  /** Name in the inbox. */
  readonly consumer: string;
  /** Read models, for a service that keeps its record in their rows. */
  readonly projections?: readonly Projection[];
  readonly generations: Pick<Generations, "refresh" | "snapshot">;
  readonly clock: Clock;
}

/** 14 days: how long after its death a message may be redriven. See {@link rememberedDays}. */
const redrivableDays = 14;
/** 45 days: how far back the inbox knows what was handled. A command is sent for 30 days and lies dead for 14. */
const rememberedDays = 45;
/** 1 day: a redriven message may take a few more attempts, and partitions end at midnight. */
const marginDays = 1;
const dayMs = 86_400_000;
/** No envelope has one. */
const lineBreak = 10;
/** How long envelopes are verified without letting anything else run, in milliseconds. */
const sliceMaxMs = 10;

/**
 * Says of dead letters whether they may be redriven: whatever cannot be proven, was cut, would be handled a second time,
 * or would only die again for what is in it, never comes back.
 */
export class RedriveJudge {
  readonly #options: RedriveJudgeOptions;
  readonly #accepted: ReadonlySet<string>;

  constructor(options: RedriveJudgeOptions) {
    this.#options = options;
    const { accepts, subscribes, commandsItself, name } = options.definition;
    const { FireTimer, RecordOutcome } = systemContracts(name);
    const taken = [
      ...accepts,
      ...subscribes.map(({ event }) => event),
      ...(commandsItself === true ? [FireTimer, RecordOutcome] : []),
    ];
    this.#accepted = new Set(taken.map(({ type }) => type));
  }

  /**
   * Judges letters as they stand now.
   *
   * @returns A verdict for each, in their order.
   * @throws {UnavailableError} If the database, or the key directory and it matters, is away.
   */
  async judge(letters: readonly StoredDeadLetter[]): Promise<readonly Verdict[]> {
    const { store, consumer, clock } = this.#options;
    // Asked for anew: a process that was suspended knows the database's clock only roughly.
    const nowMs = await store.nowMs();
    const found = await store.findFates(consumer, letters.map(({ id }) => id));
    const fates = new Map(found.map((fate) => [fate.letterId, fate]));
    const verdicts: Verdict[] = [];
    let sinceMs = clock.monotonicMs();
    for (const letter of letters) {
      if (clock.monotonicMs() - sinceMs > sliceMaxMs) {
        await clock.delay(0);
        sinceMs = clock.monotonicMs();
      }
      const { key, correlation, type } = claimsOf(letter);
      const refusal = faultOf(letter, nowMs) ?? faultOfFate(fates.get(letter.id)) ??
        await this.#faultOfMessage(letter, type, nowMs);
      const [why, detail] = refusal ?? ["" as const, ""];
      verdicts.push({ letter, why, detail, key, correlation: correlation || letter.correlation });
    }
    return verdicts;
  }

  /**
   * Finds out which messages of redriven letters have been handled since: by the inbox, or by the rows of read models.
   *
   * @returns What has become of the letters, as the store tells it.
   */
  async fates(letters: readonly StoredDeadLetter[]): Promise<readonly LetterFate[]> {
    const { store, consumer } = this.#options;
    const fates = await store.findFates(consumer, letters.map(({ id }) => id));
    if (!this.#keepsRows) return fates;
    const bodies = new Map(letters.map((letter) => [letter.id, textOf(letter)]));
    return await Promise.all(fates.map(async (fate) => {
      return { ...fate, isHandled: await this.#isInRows(bodies.get(fate.letterId)!) };
    }));
  }

  get #keepsRows(): boolean {
    return (this.#options.projections ?? []).length > 0;
  }

  async #isInRows(envelope: string): Promise<boolean> {
    return (await withoutKnown([envelope], this.#options)).length === 0;
  }

  async #faultOfMessage(letter: StoredDeadLetter, type: string, nowMs: number): Promise<Refusal | undefined> {
    const { intake, definition } = this.#options;
    if (type !== "" && !this.#accepted.has(type)) {
      return ["not-accepted", `${definition.name} does not take "${type}" any more`];
    }
    try {
      const token = textOf(letter);
      const { received, expiresAtMs } = await intake.admit(token, letter.queue);
      if (received.id !== letter.messageId || received.type !== letter.type) {
        return ["unproven", "it came under another id or type than its envelope has"];
      }
      if (nowMs - timeOfUuidV7(received.id) > (rememberedDays - marginDays) * dayMs) {
        return ["outside-window", `it was sent more than ${rememberedDays - marginDays} days ago`];
      }
      if (expiresAtMs !== undefined && expiresAtMs <= nowMs) {
        return ["expired", "its sender has given it up; it would be handled without effect"];
      }
      if (this.#keepsRows && await this.#isInRows(token)) return handledRefusal;
      return undefined;
    } catch (error) {
      return refusalFrom(error);
    }
  }
}

type Refusal = readonly [RefusalWord, string];

const handledRefusal: Refusal = ["already-handled", "its message was handled meanwhile"];

function faultOf({ status, class: className, body, bodyBytes, diedAtMs }: StoredDeadLetter, nowMs: number) {
  const fault = (word: RefusalWord, detail: string): Refusal => [word, detail];
  if (status !== "dead") return fault("not-dead", `it is ${status}`);
  if (className === "untrusted") return fault("untrusted", "it was never proven to be genuine");
  const bytes = Uint8Array.fromBase64(body);
  if (bytes.length !== bodyBytes) return fault("cut", "only its first 48 KiB were kept");
  if (bytes.includes(lineBreak)) return fault("no-envelope", "it is no envelope");
  if (nowMs - diedAtMs > redrivableDays * dayMs) {
    return fault("too-old", `it died more than ${redrivableDays} days ago`);
  }
  return undefined;
}

function faultOfFate(fate: LetterFate | undefined): Refusal | undefined {
  if (fate?.isHandled === true) return handledRefusal;
  if (fate?.later != null) return ["died-again", `its message died again, as ${fate.later.id}`];
  return undefined;
}

/** @throws What is no fault of the message. */
function refusalFrom(error: unknown): Refusal {
  const reason = error instanceof MeshError ? error.reason : "";
  switch (errorCode(error)) {
    case "contract.invalid":
      return [reason === "unknown-type" ? "not-accepted" : "off-schema", errorText(error)];
    case "envelope.untrusted":
      return ["unproven", errorText(error)];
    default:
      throw error;
  }
}

/** What a letter's message says of itself; nobody has proven it. */
function claimsOf(
  letter: StoredDeadLetter,
): { readonly key: string; readonly correlation: string; readonly type: string } {
  try {
    const envelope = textOf(letter);
    const payload = envelope.slice(envelope.indexOf(".") + 1, envelope.lastIndexOf("."));
    const { sub, cor, evt } = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
    const text = (value: unknown) => typeof value === "string" ? value : "";
    return { key: text(sub).slice(text(sub).indexOf("/") + 1), correlation: text(cor), type: text(evt) };
  } catch {
    return { key: "", correlation: "", type: "" };
  }
}

function textOf({ body }: Pick<StoredDeadLetter, "body">): string {
  return new TextDecoder().decode(Uint8Array.fromBase64(body));
}

/** What an outbox row of a redrive is made with. */
export interface RedriveEntryOptions {
  readonly ids: IdSource;
  readonly settings: Pick<RuntimeSettings, "tiersMs">;
}

/** A redrive starts over with the first attempt, through the shortest tier. */
export function redriveEntry(
  { ids, settings }: RedriveEntryOptions,
  letter: Pick<StoredDeadLetter, "id" | "messageId" | "type" | "queue" | "correlation" | "headers" | "body">,
): OutboxEntry {
  return {
    id: ids.next(),
    kind: "retry",
    messageId: letter.messageId,
    type: letter.type,
    exchange: `mesh.retry.${settings.tiersMs[0]}`,
    routingKey: letter.queue,
    correlation: letter.correlation,
    orderKey: `redrive/${letter.id}`,
    isMandatory: true,
    headers: { ...traceOf(letter.headers), [attemptHeader]: "1" },
    envelope: textOf(letter),
    sentCount: 0,
  };
}
