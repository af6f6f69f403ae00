/**
 * What changes a database: roles, migrations, partitions. For the migrating process, never for a running service.
 *
 * @module
 */
export { readDatabaseMarks, writeDatabaseMark } from "./database_marks.ts";
export { maintainInbox, type MaintainOptions, type MaintainReport } from "./maintain_inbox.ts";
export { migrate, type MigrateOptions, type MigrateReport, raiseFeedEpoch } from "./migrate.ts";
export { type Migration, type MigrationSet, readMeshMigrations, readMigrations } from "./migration_files.ts";
export type { OwnerAccess } from "./owner_session.ts";
export { type ProvisionedService, type ProvisionOptions, provisionService } from "./provision_service.ts";
