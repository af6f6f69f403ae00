/**
 * Tests of actors and sagas in three words: given, when, expected. For tests only; servers are in `@mesh/testing/infra`.
 *
 * @module
 */
export { received, testContext, testMessageId, testStart } from "./fixtures.ts";
export { given } from "./given.ts";
export type { GivenActor } from "./given_actor.ts";
export { answerTo, type DeadlinePassed, deadlinePassed, type GivenSaga, type SagaStimulus } from "./given_saga.ts";
export { checkSagaLaws, type SagaPlayCounts } from "./saga_laws.ts";
export type { AnswerSamples, Participants, Sent, Temper } from "./saga_participants.ts";
export { playSaga, type SagaPlay, type SagaSamples, type Schedule } from "./saga_play.ts";
