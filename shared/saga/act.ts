import { z } from "zod";

/** Longest way that a deadline may be moved by one act, and furthest that it may lie ahead: a command is sent for so long. */
export const shiftMaxMs = 30 * 86_400_000;

const ByMs = z.int().min(-shiftMaxMs).max(shiftMaxMs).refine((byMs) => byMs !== 0, "0 moves nothing");

/**
 * What an operator may do to one instance of a saga.
 *
 * `shift-timer` moves its next deadline, and with it whatever else its current step waits for. `cancel-timer` takes an
 * alarm away. `resume` takes attention away and asks again at once. `retry-step` asks again at once. `compensate` turns
 * back now instead of at the step's limit. `settle` says by hand what the receiver of a command never said.
 */
export const SagaActSchema = z.discriminatedUnion("name", [
  z.object({ name: z.literal("shift-timer"), byMs: ByMs }),
  z.object({ name: z.literal("cancel-timer") }),
  z.object({ name: z.literal("resume") }),
  z.object({ name: z.literal("retry-step") }),
  z.object({ name: z.literal("compensate") }),
  z.object({
    name: z.literal("settle"),
    outcome: z.enum(["succeeded", "refused"]),
    /** Position among the step's commands, from 0; needed where several are open. */
    line: z.int().min(0).optional(),
    /** Data of the event that the receiver would have answered with; undos and ends need none. */
    data: z.unknown().optional(),
  }),
]);

/** One of them. */
export type SagaAct = z.output<typeof SagaActSchema>;

/** Names of all acts, in the order in which they are told. */
export const sagaActNames = ["shift-timer", "cancel-timer", "resume", "retry-step", "compensate", "settle"] as const;
