/**
 * The command line of a mesh: everything but which services there are and where.
 *
 * @module
 */
export { deadLetterCommands } from "./dead_letter_commands.ts";
export { CliError, type ExitCode, exitCodes } from "./exit_codes.ts";
export { assertAllAnswered, gather, type Gathered, type MeshAccess, meshAccess, selected } from "./mesh_access.ts";
export { readDuration, readReason } from "./options.ts";
export { outboxCommands } from "./outbox_commands.ts";
export { type AddCommands, type CliOptions, type Output, runCli } from "./program.ts";
export { redriveCommands } from "./redrive_commands.ts";
export { projectionCommands } from "./projection_commands.ts";
export { sagaCommands } from "./saga_commands.ts";
export { type Call, call, type Send, type ServiceAddress } from "./service_client.ts";
export { openSession, type Session, type SessionFile, type SessionOptions } from "./session.ts";
export { contentHash, provableJwt } from "./provable_jwt.ts";
export { type SessionCommandOptions, sessionCommands } from "./session_commands.ts";
export { plain, table, type Terminal } from "./terminal.ts";
export { causalOrder, isSound, type TimelineEvent, timelineText } from "./timeline.ts";
export { timelineCommand, type TimelineOptions } from "./timeline_command.ts";
export {
  type EventClaims,
  type LocalVerdict,
  localVerifier,
  PublishedKeys,
  type VerifyLocally,
} from "./verify_locally.ts";
export { laneCommands } from "./lane_commands.ts";
export { timerCommands } from "./timer_commands.ts";
