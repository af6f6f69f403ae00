import type { Clock } from "@mesh/base";
import { ManagementClient } from "@mesh/broker";
import {
  CliError,
  type CliOptions,
  deadLetterCommands,
  exitCodes,
  laneCommands,
  meshAccess,
  openSession,
  outboxCommands,
  projectionCommands,
  redriveCommands,
  sagaCommands,
  type Send,
  sessionCommands,
  type SessionFile,
  type Terminal,
  timelineCommand,
  timerCommands,
} from "@mesh/cli";
import { services, shopTopology, vhost } from "../topology.ts";
import { brokerPasswords } from "./broker_passwords.ts";
import { environmentHelp, type MeshEnvironment } from "./mesh_environment.ts";
import { recoverCommands } from "./recover_commands.ts";
import { topologyCommands } from "./topology_commands.ts";

/** What the shop's command line runs on. */
export interface MeshProgramOptions {
  readonly environment: MeshEnvironment;
  readonly file: SessionFile;
  readonly send: Send;
  readonly clock: Clock;
  readonly terminal: Terminal;
}

/** The shop's command line: the mesh's commands, for the shop's services. */
export function meshProgram({ environment, file, send, clock, terminal }: MeshProgramOptions): CliOptions {
  const { gatewayUrl, token, password, management, partitions } = environment;
  const session = openSession({ gatewayUrl, file, send, clock, ...(token === undefined ? {} : { token }) });
  const mesh = meshAccess(environment.services, { session, send });
  const keysUrl = new URL("/.well-known/mesh-jwks.json", gatewayUrl).href;
  const connect = (vhost: string) => {
    if (management !== undefined) return new ManagementClient({ ...management, vhost });
    throw new CliError(exitCodes.usage, "Cannot reach RabbitMQ: MESH_RABBITMQ_MANAGEMENT_URL is not set");
  };
  const topology = {
    topologyOf: shopTopology,
    vhost,
    partitions,
    services: services.map(({ name }) => name),
    connect,
  };
  const passwordOf = brokerPasswords(environment.passwordsFolder);
  return {
    name: "mesh",
    description: "Looks after the mesh: through the services' internal ports, which record and sign who did what.",
    footer: environmentHelp,
    terminal,
    commands: [
      sessionCommands({ session, ...(password === undefined ? {} : { password }) }),
      timelineCommand(mesh, { noun: "order", auditService: "audit", keysUrl, send }),
      deadLetterCommands(mesh, clock),
      redriveCommands(mesh, clock),
      sagaCommands(mesh, ["orchestrator"]),
      timerCommands(mesh),
      laneCommands(mesh),
      outboxCommands(mesh),
      projectionCommands(mesh, clock),
      topologyCommands(topology),
      recoverCommands({ ...topology, mesh, sagaHost: "orchestrator", passwordOf, clock }),
    ],
  };
}
