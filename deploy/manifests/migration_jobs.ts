import type { ServiceDefinition } from "@mesh/contract";
import { databaseHost, labelsOf, type Manifest, migrationAccount, namespace } from "./cluster.ts";
import { ownContainer, ownPod } from "./pod.ts";
import { ownerSecret } from "./secret_names.ts";
import { envEntry, type Variable } from "./service_environment.ts";

/** What the tools' image may do when it brings a database up to date: reach that database, read the migrations. */
export function migrationFlags(host: string): readonly string[] {
  return [
    "--no-prompt",
    "--cached-only",
    "--frozen",
    "--allow-env=MESH_OWNER_URL",
    "--ignore-env",
    `--allow-net=${host}:5432`,
    "--allow-read=services,shared/store/migrations",
  ];
}

/**
 * The job that brings a service's tables up to date, and the one that does so every day, because the inbox gets a
 * partition per day. Both run as the owner of the tables, whose password no running service has.
 *
 * The job goes away by itself, because one that is finished cannot be changed into the next release's.
 */
export function migrationJobs({ name }: ServiceDefinition): readonly Manifest[] {
  const labels = labelsOf(migrationAccount(name), "migration");
  const metadata = { name: migrationAccount(name), namespace, labels };
  const job = {
    backoffLimit: 10,
    ttlSecondsAfterFinished: 600,
    template: { metadata: { labels }, spec: migrationPod(name) },
  };
  return [
    { apiVersion: "batch/v1", kind: "Job", metadata, spec: job },
    {
      apiVersion: "batch/v1",
      kind: "CronJob",
      metadata: { ...metadata, name: `${metadata.name}-daily` },
      spec: {
        schedule: "17 3 * * *",
        timeZone: "Etc/UTC",
        concurrencyPolicy: "Forbid",
        startingDeadlineSeconds: 3_600,
        successfulJobsHistoryLimit: 1,
        failedJobsHistoryLimit: 3,
        jobTemplate: { metadata: { labels }, spec: job },
      },
    },
  ];
}

function migrationPod(service: string): Readonly<Record<string, unknown>> {
  const host = databaseHost(service);
  const variables: readonly Variable[] = [
    { name: "OWNER_PASSWORD", source: { secret: ownerSecret(service), key: "password", isOptional: false } },
    {
      name: "MESH_OWNER_URL",
      source: { value: `postgres://${service}_owner:$(OWNER_PASSWORD)@${host}:5432/${service}` },
    },
    { name: "DENO_NO_UPDATE_CHECK", source: { value: "1" } },
    { name: "NO_COLOR", source: { value: "1" } },
  ];
  return ownPod(migrationAccount(service), {
    restartPolicy: "OnFailure",
    containers: [ownContainer({
      name: "migrate",
      image: "tools",
      args: ["run", ...migrationFlags(host), "deploy/migrate/main.ts", service],
      env: variables.map(envEntry),
      resources: { cpu: "50m", memory: "128Mi", memoryMax: "256Mi" },
    })],
  });
}
