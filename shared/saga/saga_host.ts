import type { Behaviour, DecisionContext, OperatorAct, Outgoing, Received } from "@mesh/actor";
import { ConflictError, ContractError, DefectError } from "@mesh/base";
import { type AnyContract, type AnyEvent, contractRegistry } from "@mesh/contract";
import { type SagaAct, SagaActSchema } from "./act.ts";
import { heardBy } from "./contracts.ts";
import type { Saga } from "./definition.ts";
import { explainSaga } from "./explain_saga.ts";
import { type LimitOverrides, pinLimits, type PinnedLimits } from "./limits.ts";
import { idsSettledBy, refusalOf } from "./operate.ts";
import type { SagaEventContract, SagaOperatedContract, SagaOperatedData, SagaRecord } from "./saga_event.ts";
import { initialSagaState, replayTurn, type SagaState, stateAfter, takeTurn } from "./saga_state.ts";
import type { SagaInput } from "./turn.ts";

/** What a host is made of. */
export interface SagaHostOptions {
  /** The hosting service. */
  readonly service: string;
  /** The event that it records, made by `defineSagaEvent`. */
  readonly event: SagaEventContract;
  /** What it records when an operator acts, made by `defineSagaOperatedEvent`; without it operators can only look. */
  readonly operated?: SagaOperatedContract;
  /** Every version that an unfinished instance may name. An event may concern the versions of one saga only. */
  readonly sagas: readonly Saga[];
  /** Shorter or longer waits than the defaults, for instances that start from now on. */
  readonly limits?: LimitOverrides;
}

/** The version that an instance runs on. */
export interface SagaVersion {
  readonly saga: string;
  readonly version: number;
}

/** Runs sagas as one kind of actor, whose key is `<saga>/<correlation>`. */
export interface SagaHost extends Behaviour<SagaState> {
  /**
   * Says which of the versions that unfinished instances name are not here. While there are any, the host is not ready.
   *
   * @returns Those versions, each once; empty when all are known.
   */
  unknownVersions(named: readonly SagaVersion[]): readonly SagaVersion[];
}

/**
 * Turns sagas into what the runtime runs.
 *
 * A new instance takes the newest version that its starting event starts; a running one keeps its own. A message that
 * changes nothing records nothing. A turn that changes something yields one event and the commands it asks for, under
 * the ids that the event names.
 *
 * A command that starts an instance is answered by the event of that turn; for an instance that has started before, it is
 * a conflict.
 *
 * @throws {ContractError} If two sagas hear the same message, a version is there twice, or the event or a starting
 *   command is another service's.
 * @throws {ConfigError} If a limit is not a positive whole number.
 */
export function sagaBehaviour({ service, event, operated, sagas, limits: overrides }: SagaHostOptions): SagaHost {
  const versions = versionsOf(sagas, service);
  const hearers = hearersOf(sagas, service);
  const limits = pinLimits(overrides);
  if (event.service !== service) {
    throw new ContractError(`Cannot host sagas in "${service}": "${event.type}" belongs to "${event.service}"`);
  }
  const { newest, find, read } = lookup(versions);
  const { take, afterTaken } = turnsOf({ event, operated, limits });
  return Object.freeze(
    {
      service,
      accepts: contractRegistry(sagas.flatMap(heardBy)).all,
      records: operated === undefined ? [event] : [event, operated],
      effects: [],
      hasTimers: true,
      stateVersion: "2",
      keyOf: (message) => {
        const saga = hearers.get(nameOf(message));
        return saga === undefined ? undefined : `${saga}/${message.correlation}`;
      },
      initialState: (key) => initialSagaState(key.slice(0, key.indexOf("/")), key.slice(key.indexOf("/") + 1)),
      decide: (state, message, context) => {
        const starts = (saga: Saga) => nameOf(saga.startedBy) === nameOf(message);
        const definition = state.version === null
          ? versions.get(state.saga)?.findLast(starts) ?? newest(state.saga)
          : read(state.saga, state.version);
        if (message.kind === "command") checkStart(state, message);
        return take(definition, state, inputFrom(definition, message), context);
      },
      decideOutcome: (_state, effect) => {
        throw new DefectError(`Cannot take outcome: sagas have no effect "${effect}"`);
      },
      decideTimer: (state, context) => {
        if (state.version === null || state.deadlineMs === null) return [];
        // The database said that it is time; this process's idea of the same clock may lag a little behind.
        const now = new Date(Math.max(context.now.getTime(), state.deadlineMs));
        return take(read(state.saga, state.version), state, { kind: "deadline" }, { ...context, now });
      },
      evolve: (state, recorded) => {
        const known = afterTaken(state, recorded);
        if (known !== undefined) return known;
        const record = recorded.data as SagaRecord;
        // A request that came before the start is only remembered, which every version does alike.
        const definition = record.phase === "not-started" ? newest(record.saga) : read(record.saga, record.version);
        return replayTurn(definition, state, record);
      },
      dueAtMs: ({ deadlineMs }) => deadlineMs ?? undefined,
      operate: (state, request, context) => {
        const definition = state.version === null ? newest(state.saga) : read(state.saga, state.version);
        const act = possibleAct(definition, state, { ...request, nowMs: context.now.getTime() });
        if (act === undefined) return [];
        const { id, reason } = request;
        const [recorded, ...commands] = take(definition, state, { kind: "act", id, reason, act }, context);
        const ends = idsSettledBy(definition, state.progress, act);
        const asksAgain = act.name === "resume" || act.name === "retry-step";
        return [{ ...recorded as AnyEvent, ends, asksAgain }, ...commands];
      },
      explain: (state, nowMs) => {
        const definition = state.version === null ? newest(state.saga) : read(state.saga, state.version);
        return explainSaga(definition, state, nowMs);
      },
      unknownVersions: (named) => {
        const missing = named.filter(({ saga, version }) => find(saga, version) === undefined);
        return [...new Map(missing.map((one) => [`${one.saga}#${one.version}`, one])).values()];
      },
    } satisfies SagaHost,
  );
}

interface HostEvents {
  readonly event: SagaEventContract;
  readonly operated: SagaOperatedContract | undefined;
}

/** Takes turns, and knows where the last ones lead to, so that the runtime's fold of them does not take them again. */
function turnsOf({ limits, ...events }: HostEvents & { readonly limits: PinnedLimits }) {
  const leadsTo = new WeakMap<object, { readonly from: SagaState; readonly to: SagaState }>();
  return {
    take: (definition: Saga, state: SagaState, input: SagaInput, context: DecisionContext): Outgoing[] => {
      const taken = takeTurn(definition, state, { input, nowMs: context.now.getTime(), newId: context.newId, limits });
      if (taken === undefined) return [];
      const recorded = recordedBy(taken.record, events);
      leadsTo.set(recorded, { from: state, to: stateAfter(definition, state, taken) });
      return [recorded, ...taken.commands];
    },
    afterTaken: (state: SagaState, recorded: object): SagaState | undefined => {
      const known = leadsTo.get(recorded);
      return known?.from === state ? known.to : undefined;
    },
  };
}

/**
 * @throws {ContractError} If the command would come to another partition than the answers do.
 * @throws {ConflictError} If the instance has started before.
 */
function checkStart({ saga, version }: SagaState, { type, key, correlation }: Received): void {
  if (key !== correlation) {
    throw new ContractError(
      `Cannot start "${saga}": key "${key}" of "${type}" is not its correlation "${correlation}"`,
    );
  }
  if (version !== null) throw new ConflictError(`Cannot start "${saga}/${correlation}": it has started before`);
}

/** @throws {ConflictError} If the host has no event for it. */
function recordedBy(record: SagaRecord, { event, operated }: HostEvents): AnyEvent {
  if (!isOperated(record)) return event(record);
  if (operated === undefined) throw new ConflictError(`Cannot act on "${record.saga}": its host records no acts`);
  return operated(record);
}

function isOperated(record: SagaRecord): record is SagaOperatedData {
  return record.input.kind === "act";
}

/**
 * Reads an act that is possible where an instance stands.
 *
 * @returns `undefined` when it has been carried out before.
 * @throws {ContractError} If it is none that a saga knows.
 * @throws {ConflictError} If the instance is in no state for it, or its id was another act's.
 */
function possibleAct(
  definition: Saga,
  { saga, correlation, progress }: SagaState,
  { id, act, nowMs }: OperatorAct & { readonly nowMs: number },
): SagaAct | undefined {
  const read = SagaActSchema.safeParse(act);
  if (!read.success) {
    const issue = read.error.issues[0];
    throw new ContractError(`Cannot read act: ${["act", ...issue?.path ?? []].join(".")}: ${issue?.message}`);
  }
  const done = progress.acts.find((one) => one.id === id);
  const isRepeat = done !== undefined && JSON.stringify(done.act) === JSON.stringify(read.data);
  if (isRepeat) return undefined;
  const refusal = done === undefined
    ? refusalOf(definition, progress, { act: read.data, nowMs })
    : `"${id}" was the id of another act`;
  if (refusal === undefined) return read.data;
  throw new ConflictError(`Cannot ${read.data.name} "${saga}/${correlation}": ${refusal}`);
}

/** Reads a message as an input; what neither starts nor stops the saga can only be an answer. */
export function inputFrom(saga: Saga, message: Pick<Received, "id" | "type" | "version" | "re" | "data">): SagaInput {
  const heard = { id: message.id, type: message.type, version: message.version, data: message.data };
  if (nameOf(saga.startedBy) === nameOf(message)) return { kind: "started", ...heard };
  if (saga.cancelledBy && nameOf(saga.cancelledBy.event) === nameOf(message)) return { kind: "cancellation", ...heard };
  return { kind: "answer", ...heard, re: message.re };
}

/** All versions by name, oldest first. */
function versionsOf(sagas: readonly Saga[], service: string): ReadonlyMap<string, readonly Saga[]> {
  const byName = new Map<string, Saga[]>();
  for (const saga of sagas) {
    const known = byName.get(saga.name) ?? [];
    if (known.some(({ version }) => version === saga.version)) {
      throw new ContractError(`Cannot host sagas in "${service}": "${saga.name}#${saga.version}" is there twice`);
    }
    byName.set(saga.name, [...known, saga].sort((one, other) => one.version - other.version));
  }
  return byName;
}

/** Ways to find a version among all; `newest` is for names that are there. */
function lookup(versions: ReadonlyMap<string, readonly Saga[]>) {
  const find = (name: string, version: number) => versions.get(name)?.find((saga) => saga.version === version);
  return {
    newest: (name: string): Saga => versions.get(name)!.at(-1)!,
    find,
    read: (name: string, version: number): Saga => {
      const saga = find(name, version);
      if (saga !== undefined) return saga;
      throw new DefectError(`Cannot run saga "${name}#${version}": the host lacks that version`);
    },
  };
}

/** Which saga takes which message; one key cannot stand for two instances. */
function hearersOf(sagas: readonly Saga[], service: string): ReadonlyMap<string, string> {
  const hearers = new Map<string, string>();
  for (const saga of sagas) {
    for (const heard of heardBy(saga)) {
      if (heard.kind === "command" && heard.service !== service) {
        throw new ContractError(`Cannot host sagas in "${service}": "${heard.type}" is handled by "${heard.service}"`);
      }
      const other = hearers.get(nameOf(heard)) ?? saga.name;
      if (other !== saga.name) {
        throw new ContractError(
          `Cannot host sagas in "${service}": both "${other}" and "${saga.name}" hear "${heard.type}"`,
        );
      }
      hearers.set(nameOf(heard), saga.name);
    }
  }
  return hearers;
}

function nameOf({ type, version }: Pick<AnyContract, "type" | "version">): string {
  return `${type}#${version}`;
}
