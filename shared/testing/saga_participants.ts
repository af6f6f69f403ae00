import { invariant } from "@mesh/base";
import type { AnyEvent, EventContract } from "@mesh/contract";
import { type Ask, type Asked, nothingToUndo, type Saga, type SagaCommand, type Step } from "@mesh/saga";

/** A command on its way, with what it was asked for. */
export interface Sent {
  readonly command: SagaCommand;
  readonly asked: Asked;
}

/** Data of the answers of a saga's participants; needed where a later step reads it. */
export type AnswerSamples = Readonly<Record<string, (command: SagaCommand["data"]) => unknown>>;

/** How a participant takes one command: choices of a test, so that it can be repeated. */
export interface Temper {
  /** Whether a command that may be refused is refused. */
  readonly refuses: boolean;
  /** Whether the answer comes in a later turn. */
  readonly answersLater: boolean;
  /** Whether nothing is ever heard of it. */
  readonly isMute: boolean;
}

/**
 * The receivers of a saga's commands, as the mesh's rules have them: each message counts once, an undo makes void what
 * has not come yet, what has expired has no effect, duplicates get the same answer again.
 */
export interface Participants {
  /** @returns The answers that leave with this turn. */
  take(sent: Sent, temper: Temper, nowMs: number): readonly AnyEvent[];
  /** Ends one piece of work that is answered later. @returns Its answer, or nothing when none was waiting. */
  finishOne(): readonly AnyEvent[];
  /** What each command has come to that had an effect. */
  readonly effects: ReadonlyMap<string, "done" | "undone">;
  /** Commands that came after they had been undone or had expired. */
  readonly voided: ReadonlySet<string>;
}

interface Pending {
  readonly sent: Sent;
  readonly temper: Temper;
}

/** @returns Participants that nothing has come to yet. */
export function participantsOf(saga: Saga, samples: AnswerSamples): Participants {
  const inbox = new Set<string>();
  const effects = new Map<string, "done" | "undone">();
  const voided = new Set<string>();
  const answers = new Map<string, AnyEvent>();
  const pending = new Map<string, Pending>();
  const stepOf = new Map(saga.steps.map((step) => [step.name, step]));

  const answer = ({ command }: Sent, contract: EventContract, isMute: boolean): readonly AnyEvent[] => {
    const data = samples[contract.type]?.(command.data) ?? command.data;
    const { type, version } = contract;
    const event: AnyEvent = { kind: "event", type, version, key: command.key, data, re: [command.id] };
    if (isMute) return [];
    answers.set(command.id, event);
    return [event];
  };
  const work = (sent: Sent, { refuses, isMute }: Temper): readonly AnyEvent[] => {
    const step = stepOf.get(sent.asked.step)!;
    if (refuses && step.failsOn) return answer(sent, step.failsOn, isMute);
    effects.set(sent.command.id, "done");
    return answer(sent, step.succeedsOn, isMute);
  };
  const finish = (id: string): readonly AnyEvent[] => {
    const { sent, temper } = pending.get(id)!;
    pending.delete(id);
    return work(sent, temper);
  };
  const undo = (sent: Sent): readonly AnyEvent[] => {
    const compensation = compensationOf(stepOf.get(sent.asked.step)!);
    const late: AnyEvent[] = [];
    for (const id of sent.command.undoes ?? []) {
      // Work of one key is done in order: an undo waits for what has been begun.
      if (pending.has(id)) late.push(...finish(id));
      if (!inbox.has(id)) voided.add(id);
      inbox.add(id);
      if (effects.has(id)) effects.set(id, "undone");
    }
    return [...late, ...answer(sent, compensation.succeedsOn, false)];
  };

  return {
    effects,
    voided,
    take: (sent, temper, nowMs) => {
      const { command: { id, expiresAtMs }, asked } = sent;
      if (inbox.has(id)) return answers.has(id) ? [answers.get(id)!] : [];
      inbox.add(id);
      switch (asked.direction) {
        case "undo":
          return undo(sent);
        case "end":
          return answer(sent, saga.ends[asked.step as "completed" | "rejected"].succeedsOn, false);
        case "refuse":
          return answer(sent, saga.cancelledBy!.succeedsOn, false);
        case "do":
          if (expiresAtMs !== undefined && nowMs > expiresAtMs) voided.add(id);
          if (voided.has(id)) return [];
          if (!temper.answersLater) return work(sent, temper);
          pending.set(id, { sent, temper });
          return [];
      }
    },
    finishOne: () => {
      const [id] = pending.keys();
      return id === undefined ? [] : finish(id);
    },
  };
}

function compensationOf({ name, compensate }: Step): Ask {
  invariant(compensate !== nothingToUndo, `Cannot undo step "${name}": it has nothing to undo`);
  return compensate;
}
