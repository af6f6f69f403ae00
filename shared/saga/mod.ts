/**
 * Sagas as data: steps with their way back, advanced by one pure function, hosted as one kind of actor. No I/O.
 *
 * @module
 */
export { type SagaAct, sagaActNames, SagaActSchema, shiftMaxMs } from "./act.ts";
export { type Advance, advance } from "./advance.ts";
export { type SagaContracts, sagaContracts } from "./contracts.ts";
export { type CommittedDraft, defineSaga, type EndingDraft, type SagaDraft, type SagaOptions } from "./define_saga.ts";
export {
  type Ask,
  type Cancellation,
  type CancellationOptions,
  type Compensation,
  type End,
  type EndOptions,
  type Ends,
  type Failure,
  type Known,
  type MustSucceedOptions,
  nothingToUndo,
  type PivotOptions,
  type ResultOf,
  type Saga,
  type Sendable,
  type Step,
  type StepOptions,
  type Undo,
} from "./definition.ts";
export { describeSaga } from "./describe_saga.ts";
export { explainSaga, type SagaExplanation, type SagaWait } from "./explain_saga.ts";
export { defaultLimits, type LimitOverrides, pinLimits, type PinnedLimits, type SagaLimits } from "./limits.ts";
export { refusalOf } from "./operate.ts";
export {
  deadlineOf,
  initialProgress,
  isTerminal,
  type Line,
  type Phase,
  type Progress,
  type StepProgress,
  type Waiting,
  waitingFor,
  type WakesFor,
  wakesFor,
} from "./progress.ts";
export {
  defineSagaEvent,
  defineSagaOperatedEvent,
  type SagaEventContract,
  type SagaOperatedContract,
  type SagaOperatedData,
  type SagaRecord,
  type SagaTurnData,
} from "./saga_event.ts";
export { inputFrom, sagaBehaviour, type SagaHost, type SagaHostOptions, type SagaVersion } from "./saga_host.ts";
export {
  initialSagaState,
  replayTurn,
  type SagaState,
  type SagaTurn,
  type SagaView,
  sagaView,
  takeTurn,
} from "./saga_state.ts";
export { lockComplaints, lockOf, type SagaLock, type SagaStructure, sagaStructure } from "./structure.ts";
export type { Arrival, Asked, Heard, SagaActInput, SagaCommand, SagaInput } from "./turn.ts";
