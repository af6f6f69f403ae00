/**
 * RabbitMQ and PostgreSQL for development, tests and measurements, with the switches that chaos tests need.
 *
 * @module
 */
export type { InfraMode, Want } from "./find_source.ts";
export { removeVolumes } from "./containers.ts";
export { findFreePorts, isPortFree } from "./free_ports.ts";
export {
  callManagement,
  createVhost,
  type Definitions,
  deleteVhost,
  importDefinitions,
  inVhost,
  type ManagementAccess,
  type ManagementCall,
  managementFromUrl,
  urlFromManagement,
  withUser,
  withVhost,
} from "./management.ts";
export { installPackages, packageRights, provideProgram } from "./packages.ts";
export { createDatabase, dropDatabase, withDatabase } from "./postgres_admin.ts";
export {
  type Account,
  killProcessesIn,
  type ManagedProcess,
  processesIn,
  processesOfGroup,
  type ProcessSpec,
  startProcess,
  waitUntilReady,
} from "./processes.ts";
export type { BrokerServer, PostgresServer, Server } from "./server.ts";
export { Infra, type InfraOptions, startInfra } from "./start_infra.ts";
export { type FolderLock, lockFolder, stateDir } from "./state_dir.ts";
