import { z } from "zod";
import { SagaActSchema } from "./act.ts";
import { type Contract, defineEvent, type MessageOf } from "@mesh/contract";

const Id = z.string().min(1).max(100);
const StepName = z.string().min(1).max(61);
const Ms = z.number();

const Heard = z.object({
  /** Message id. */
  id: Id,
  type: z.string(),
  version: z.int().min(1),
  data: z.unknown(),
});

const Input = z.discriminatedUnion("kind", [
  Heard.extend({
    kind: z.literal("started"),
    /** What the instance waits for how long, kept so that its history replays on any host. */
    limits: z.object({
      giveUpAfterMs: Ms.optional(),
      attentionAfterMs: Ms,
      retryFirstMs: Ms,
      retryMaxMs: Ms,
    }),
  }),
  Heard.extend({ kind: z.literal("answer"), re: z.array(Id) }),
  Heard.extend({ kind: z.literal("cancellation") }),
  z.object({ kind: z.literal("deadline") }),
]);

const Asked = z.object({
  id: Id,
  type: z.string(),
  step: StepName,
  line: z.int().min(0),
  attempt: z.int().min(1),
  direction: z.enum(["do", "undo", "end", "refuse"]),
});

/** A turn that an operator's act led to. */
const Act = z.object({
  kind: z.literal("act"),
  /** The act's own id; the same id is the same act. */
  id: Id,
  reason: z.string(),
  act: SagaActSchema,
});

const turnOf = <I extends z.ZodType>(input: I) =>
  z.object({
    saga: z.string().regex(/^[a-z][a-z0-9-]{0,60}$/),
    /** Version of the saga's definition. */
    version: z.int().min(1),
    correlation: z.string().min(1).max(130),
    /** The turn's moment on the database's clock, in milliseconds since 1970. */
    atMs: Ms,
    /** What came. */
    input,
    /** The commands that the turn sent, in order. */
    asked: z.array(Asked),
    /** Where the saga stands after the turn. */
    phase: z.enum(["not-started", "running", "turning-back", "completing", "rejecting", "completed", "rejected"]),
    /** The step being done or undone; null before the start and when only the end is left. */
    step: StepName.nullable(),
    /** When the saga comes back by itself, in milliseconds since 1970; null when only a message can move it. */
    deadlineMs: Ms.nullable(),
    /** Why it turned back; absent while it goes forward. */
    failure: z.object({ step: StepName, reason: z.enum(["refused", "unknown", "cancelled"]) }).optional(),
    needsAttention: z.boolean(),
  });

const SagaTurn = turnOf(Input);
const SagaOperated = turnOf(Act);

/** The one event that a turn of a saga records: what came, what was asked, what is next. */
export type SagaEventContract = Contract<"event", string, typeof SagaTurn>;

/** Data of that event. */
export type SagaTurnData = MessageOf<SagaEventContract>["data"];

/**
 * Defines the event that a saga host records, one per turn. With the saga's definition its history is enough to know
 * everything about an instance.
 *
 * @param type `<service>.<kebab-name>` of the hosting service.
 */
export function defineSagaEvent<const T extends string>(type: T): Contract<"event", T, typeof SagaTurn> {
  return defineEvent(type, {
    version: 1,
    schema: SagaTurn,
    key: ({ saga, correlation }) => `${saga}/${correlation}`,
  });
}

/** What is recorded in its place where an operator has acted; who it was is in the envelope. */
export type SagaOperatedContract = Contract<"event", string, typeof SagaOperated>;

/** Data of that event. */
export type SagaOperatedData = MessageOf<SagaOperatedContract>["data"];

/** What a turn of a saga records, whatever led to it. */
export type SagaRecord = SagaTurnData | SagaOperatedData;

/**
 * Defines the event that a saga host records when an operator acts on an instance.
 *
 * @param type `<service>.<kebab-name>` of the hosting service.
 */
export function defineSagaOperatedEvent<const T extends string>(type: T): Contract<"event", T, typeof SagaOperated> {
  return defineEvent(type, {
    version: 1,
    schema: SagaOperated,
    key: ({ saga, correlation }) => `${saga}/${correlation}`,
  });
}
