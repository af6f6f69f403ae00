import { z } from "zod";
import { plain } from "./terminal.ts";

/** The event that a saga records with each turn, as far as people are told of it. */
const SagaTurn = z.looseObject({
  saga: z.string(),
  phase: z.string(),
  step: z.string().nullable(),
  needsAttention: z.boolean(),
  input: z.looseObject({
    kind: z.string(),
    type: z.string().optional(),
    reason: z.string().optional(),
    act: z.looseObject({ name: z.string() }).optional(),
  }),
  asked: z.array(z.looseObject({
    id: z.string(),
    type: z.string(),
    step: z.string(),
    direction: z.enum(["do", "undo", "end", "refuse"]),
    attempt: z.int(),
  })),
  failure: z.object({ step: z.string(), reason: z.string() }).optional(),
});

/** One turn of a saga. */
export type SagaTurn = z.output<typeof SagaTurn>;

/** @returns The turn, or `undefined` for data of any other event. */
export function sagaTurnFrom(data: unknown): SagaTurn | undefined {
  const turn = SagaTurn.safeParse(data);
  return turn.success ? turn.data : undefined;
}

/** Tells one turn of a saga in a line: what came, what it asks, where it stands. */
export function sagaTurnText({ saga, phase, input, asked, failure, needsAttention }: SagaTurn): string {
  const isOver = phase === "completed" || phase === "rejected";
  return [
    `${saga} ${heardText(input)}`,
    ...askedTexts(asked),
    ...(phase === "turning-back" && failure !== undefined ? [`turns back: ${failure.step} ${failure.reason}`] : []),
    ...(isOver ? [phase + (failure === undefined ? "" : `: ${failure.step} ${failure.reason}`)] : []),
    ...(needsAttention ? ["NEEDS ATTENTION"] : []),
  ].join(" → ");
}

function heardText({ kind, type = "", act, reason = "" }: SagaTurn["input"]): string {
  switch (kind) {
    case "started":
      return `begins with ${type}`;
    case "answer":
      return `hears ${type}`;
    case "cancellation":
      return `is asked to stop by ${type}`;
    case "act":
      return `is acted on by an operator: ${plain(act?.name ?? "")}, because: ${plain(reason)}`;
    case "deadline":
      return "has waited long enough";
    default:
      return kind;
  }
}

function askedTexts(asked: SagaTurn["asked"]): readonly string[] {
  const byWord = Map.groupBy(asked, ({ step, type, direction, attempt }) => {
    const again = attempt > 1 ? ` again (attempt ${attempt})` : "";
    switch (direction) {
      case "do":
        return `${step}: asks ${type}${again}`;
      case "undo":
        return `undoes ${step}: asks ${type}${again}`;
      case "refuse":
        return `refuses to stop: asks ${type}`;
      case "end":
        return `ends: asks ${type}`;
    }
  });
  return [...byWord].map(([word, commands]) => commands.length === 1 ? word : `${word} ×${commands.length}`);
}
