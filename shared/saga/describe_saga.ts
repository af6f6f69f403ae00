import { nothingToUndo, type Saga, type Step } from "./definition.ts";

/**
 * Draws a saga as a Mermaid state diagram, for documents: the way forward, the way back, both ends.
 *
 * A refusal is drawn as for a step of one command; with several, those not refused are undone first.
 *
 * @returns Mermaid text without code fences, ending with a line feed.
 */
export function describeSaga({ name, version, steps, ends, startedBy, cancelledBy }: Saga): string {
  const undone = steps.flatMap(({ name, compensate }) =>
    compensate === nothingToUndo ? [] : [{ name, undo: compensate }]
  );
  const undoOf = (at: number) => {
    const nearest = steps.slice(0, at + 1).findLast(({ compensate }) => compensate !== nothingToUndo);
    return nearest ? undoState(nearest.name) : "rejecting";
  };
  const next = (at: number) => steps[at + 1]?.name ?? "completing";
  const lines = [
    `%% ${name}, version ${version}`,
    "stateDiagram-v2",
    ...steps.map((step) => `  ${step.name} : ${titleOf(step)}<br/>${step.command.type}`),
    ...undone.map(({ name, undo }) => `  ${undoState(name)} : undo ${name}<br/>${undo.command.type}`),
    `  completing : ${ends.completed.command.type}`,
    `  rejecting : ${ends.rejected.command.type}`,
    `  [*] --> ${steps[0]!.name} : ${eventName(startedBy)}`,
    ...steps.flatMap((step, at) => [
      `  ${step.name} --> ${next(at)} : ${eventName(step.succeedsOn)}`,
      ...waysBack(step, at, undoOf, cancelledBy !== undefined),
    ]),
    ...undone.toReversed().map(({ name, undo }) => {
      const at = steps.findIndex((step) => step.name === name);
      return `  ${undoState(name)} --> ${undoOf(at - 1)} : ${eventName(undo.succeedsOn)}`;
    }),
    `  completing --> [*] : ${eventName(ends.completed.succeedsOn)}`,
    `  rejecting --> [*] : ${eventName(ends.rejected.succeedsOn)}`,
  ];
  return `${lines.join("\n")}\n`;
}

function waysBack(
  { name, kind, failsOn }: Step,
  at: number,
  undoOf: (at: number) => string,
  isCancellable: boolean,
): readonly string[] {
  if (kind === "must-succeed") return failsOn ? [`  ${name} --> ${name} : ${eventName(failsOn)}, again later`] : [];
  const refused = `  ${name} --> ${undoOf(at - 1)} : ${eventName(failsOn!)}`;
  if (kind === "pivot") return [refused];
  const unknown = isCancellable ? "silence or cancellation" : "silence";
  return [refused, `  ${name} --> ${undoOf(at)} : ${unknown}`];
}

function titleOf({ name, kind }: Step): string {
  return kind === "step" ? name : `${name} (${kind === "pivot" ? "pivot" : "must succeed"})`;
}

function undoState(name: string): string {
  return `undo${name[0]!.toUpperCase()}${name.slice(1)}`;
}

function eventName({ type }: { readonly type: string }): string {
  return type.slice(type.indexOf(".") + 1);
}
