import { DefectError, invariant, sequentialIds } from "@mesh/base";
import type { AnyMessage } from "@mesh/contract";
import {
  initialSagaState,
  inputFrom,
  isTerminal,
  pinLimits,
  type Progress,
  refusalOf,
  replayTurn,
  type Saga,
  type SagaAct,
  sagaContracts,
  type SagaInput,
  type SagaRecord,
  type SagaState,
  takeTurn,
} from "@mesh/saga";
import { received, testStart } from "./fixtures.ts";
import { type AnswerSamples, type Participants, participantsOf, type Sent } from "./saga_participants.ts";

/** What a play needs to know of a saga besides its definition. */
export interface SagaSamples {
  /** Makes data of what starts it. @param size From 0; how big an instance to start. */
  readonly start: (size: number) => unknown;
  /** Data of answers that later steps read, by event type; other answers repeat the command's data. */
  readonly answers: AnswerSamples;
}

/** Which play of the many: the same numbers make the same play. */
export interface Schedule {
  /** From 0; what every choice follows from. */
  readonly seed: number;
  /** Things that happen before the world turns fair, from 0. */
  readonly wildCount: number;
  /** Whether operators act meanwhile; default no. They never settle by hand, which would say what did not happen. */
  readonly isOperated?: boolean;
}

/** One instance from its start to its end, under a schedule. */
export interface SagaPlay {
  readonly history: readonly SagaRecord[];
  readonly progress: Progress;
  /** What the history folds to, read back from JSON. */
  readonly folded: Progress;
  /** Every command, in the order sent. */
  readonly sent: readonly Sent[];
  readonly participants: Participants;
  /** Requests to stop that came to it. */
  readonly cancellationCount: number;
}

/** What stays of a play while it goes on. */
interface World {
  readonly saga: Saga;
  readonly samples: SagaSamples;
  /** @returns A whole number from 0 below `count`. */
  readonly pick: (count: number) => number;
  readonly start: AnyMessage;
  readonly newCommandId: () => string;
  readonly newMessageId: () => string;
  readonly participants: Participants;
  readonly wire: (Sent | AnyMessage)[];
  /** What the outbox sends again. */
  readonly unanswered: Map<string, Sent>;
  readonly sent: Sent[];
  readonly history: SagaRecord[];
  state: SagaState;
  folded: SagaState;
  nowMs: number;
  cancellationCount: number;
}

/** How long sagas wait in a play, in milliseconds: all of one order, so that schedules mix them. */
const limits = pinLimits({ giveUpAfterMs: 10_000, attentionAfterMs: 15_000, retryFirstMs: 1_000, retryMaxMs: 4_000 });

/**
 * Plays one instance of a saga to its end: messages are lost, repeated, reordered and late, participants refuse, stay
 * silent or answer later, somebody wants it stopped; in the end everything that can be answered is.
 *
 * @throws {DefectError} If the saga does not end, or takes an answer to a command that is not its own.
 */
export function playSaga(saga: Saga, samples: SagaSamples, schedule: Schedule): SagaPlay {
  const world = newWorld(saga, samples, schedule);
  for (let turn = 0; turn < schedule.wildCount; turn += 1) {
    actWildly(world);
    if (schedule.isOperated === true && world.pick(4) === 0) operate(world);
  }
  // Each round answers, repeats or lets time pass; a saga of some twenty commands needs a few hundred.
  for (let round = 0; !isTerminal(world.state.progress); round += 1) {
    if (round === 5_000) {
      throw new DefectError(`Cannot end play: "${saga.name}" stands at ${world.state.progress.phase}`);
    }
    actFairly(world);
  }
  repeatEverything(world);
  const { history, state, folded, sent, participants, cancellationCount } = world;
  return { history, progress: state.progress, folded: folded.progress, sent, participants, cancellationCount };
}

function newWorld(saga: Saga, samples: SagaSamples, { seed }: Schedule): World {
  const pick = picker(seed);
  const { kind, type, version } = saga.startedBy;
  const start: AnyMessage = { kind, type, version, key: "play", data: samples.start(pick(4)) };
  const state = initialSagaState(saga.name, "play");
  return {
    saga,
    samples,
    pick,
    start,
    newCommandId: sequentialIds().next,
    newMessageId: sequentialIds(testStart.getTime() + 1).next,
    participants: participantsOf(saga, samples.answers),
    wire: [start],
    unanswered: new Map(),
    sent: [],
    history: [],
    state,
    folded: state,
    nowMs: testStart.getTime(),
    cancellationCount: 0,
  };
}

/** A small generator of even numbers (mulberry32): plays must be repeatable, not unpredictable. */
function picker(seed: number): (count: number) => number {
  let state = seed;
  return (count) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % count;
  };
}

/** Does what an operator may do, twice under one id: the second time nothing may move. */
function operate(world: World): void {
  const { pick, newMessageId, saga, history } = world;
  const acts: readonly SagaAct[] = [
    { name: "shift-timer", byMs: pick(40_000) - 20_001 },
    { name: "cancel-timer" },
    { name: "resume" },
    { name: "retry-step" },
    { name: "compensate" },
  ];
  const input: SagaInput = { kind: "act", id: newMessageId(), reason: "a play", act: acts[pick(acts.length)]! };
  const refusal = refusalOf(saga, world.state.progress, { act: input.act, nowMs: world.nowMs });
  const turnsBefore = history.length;
  take(world, input);
  take(world, input);
  const expected = turnsBefore + (refusal === undefined ? 1 : 0);
  invariant(history.length === expected, `Cannot go on: "${saga.name}" took ${input.act.name} otherwise: ${refusal}`);
}

function actWildly(world: World): void {
  const { pick, wire, sent, unanswered, saga, start } = world;
  switch (pick(40)) {
    case 0:
      return void wire.splice(pick(wire.length + 1), 1);
    case 1:
      return deliver(world, wire[pick(wire.length + 1)]);
    case 2:
      return deliver(world, [...unanswered.values()][pick(unanswered.size + 1)]);
    case 3:
      return deliver(world, sent[pick(sent.length + 1)]);
    case 4:
      return passTime(world);
    case 5:
      world.nowMs += pick(20_000);
      return;
    case 6:
      return requestStop(world);
    case 7:
      return hearForeign(world);
    case 8:
      return hear(world, start);
    case 9:
      wire.push(...world.participants.finishOne());
      return;
    default: {
      // What was chosen leaves the wire; most actions are this one, or nothing would ever come far.
      const [message] = wire.splice(pick(wire.length || 1), 1);
      if (message === undefined && saga.steps.length > 0) wire.push(...unanswered.values());
      return deliver(world, message);
    }
  }
}

/** One round in which whatever can go on does. */
function actFairly(world: World): void {
  const { wire, unanswered, participants, start, state } = world;
  const message = wire.shift();
  if (message !== undefined) return deliver(world, message);
  if (state.progress.phase === "not-started") return hear(world, start);
  wire.push(...participants.finishOne());
  if (wire.length > 0) return;
  for (const one of [...unanswered.values()]) deliver(world, one);
  if (wire.length === 0) passTime(world);
}

/** After the end: every command comes once more, and every answer to it; nothing may move. */
function repeatEverything(world: World): void {
  const turnsBefore = world.history.length;
  for (const one of [...world.sent, ...world.sent]) deliver(world, one);
  for (const message of world.wire.splice(0)) deliver(world, message);
  invariant(world.history.length === turnsBefore, `Cannot end play: "${world.saga.name}" moved after its end`);
}

function deliver(world: World, message: Sent | AnyMessage | undefined): void {
  if (message === undefined) return;
  if (!("asked" in message)) return hear(world, message);
  const { participants, pick, wire, nowMs, saga } = world;
  const kind = saga.steps.find(({ name }) => name === message.asked.step)?.kind;
  wire.push(...participants.take(message, {
    refuses: kind === "must-succeed" ? message.asked.attempt < 4 && pick(2) === 1 : pick(10) === 0,
    answersLater: pick(3) === 0,
    isMute: kind === "step" && pick(20) === 0,
  }, nowMs));
}

function hear(world: World, message: AnyMessage): void {
  for (const id of message.re ?? []) world.unanswered.delete(id);
  take(world, inputFrom(world.saga, received(message, { id: world.newMessageId() })));
}

function passTime(world: World): void {
  const { deadlineMs } = world.state;
  if (deadlineMs !== null) world.nowMs = Math.max(world.nowMs, deadlineMs);
  take(world, { kind: "deadline" });
}

function requestStop(world: World): void {
  const { saga, start } = world;
  if (saga.cancelledBy === undefined) return;
  world.cancellationCount += 1;
  const { type, version } = saga.cancelledBy.event;
  hear(world, { kind: "event", type, version, key: "play", data: start.data });
}

/** An answer of every type that the saga knows, to a command that is not its own. */
function hearForeign(world: World): void {
  const { saga, history, newMessageId } = world;
  const turnsBefore = history.length;
  const requests: readonly unknown[] = [saga.startedBy, saga.cancelledBy?.event];
  for (const { type, version } of sagaContracts([saga]).subscribes.filter((event) => !requests.includes(event))) {
    hear(world, { kind: "event", type, version, key: "play", data: {}, re: [newMessageId()] });
  }
  invariant(history.length === turnsBefore, `Cannot go on: "${saga.name}" took an answer to a foreign command`);
}

function take(world: World, input: SagaInput): void {
  const { saga, state, nowMs, newCommandId: newId, unanswered, wire } = world;
  const turn = takeTurn(saga, state, { input, nowMs, newId, limits });
  if (turn === undefined) return;
  const { record, progress, deadlineMs, commands, asked } = turn;
  world.history.push(record);
  const version = progress.phase === "not-started" ? null : saga.version;
  world.state = { ...state, version, progress, deadlineMs };
  world.folded = replayTurn(saga, world.folded, JSON.parse(JSON.stringify(record)));
  commands.forEach((command, index) => {
    const sent = { command, asked: asked[index]! };
    world.sent.push(sent);
    wire.push(sent);
    unanswered.set(command.id, sent);
    for (const id of command.undoes ?? []) unanswered.delete(id);
  });
}
