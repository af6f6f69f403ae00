import { services } from "../topology.ts";
import { databaseHost, databasesJob, labelsOf, type Manifest, namespace, selectorOf } from "./cluster.ts";
import { databasePods, databasesJobPolicy } from "./network_policy.ts";
import { containerSecurity, ownContainer, ownPod, podSecurity, resourcesOf } from "./pod.ts";
import { databaseSecret, ownerSecret, postgresAdminSecret } from "./secret_names.ts";
import { envEntry, type Variable } from "./service_environment.ts";
import { accountOf, serviceFor } from "./service_objects.ts";

/** Name of the server in a development cluster. */
export const postgres = "postgres";
/** User of the official image. */
const postgresUser = 999;
/** Where the job that makes databases finds the passwords that it is to set, one folder per secret. */
export const passwordsFolder = "/run/jangteo/passwords";

/** One name per service, for the pods that serve its database. */
export function databaseServices(selector: Readonly<Record<string, string>>): readonly Manifest[] {
  return services.map(({ name }) =>
    serviceFor(databaseHost(name), [{ name: "tcp-postgres", port: 5_432, appProtocol: "tcp" }], {
      labels: labelsOf(databaseHost(name), "database"),
      selector,
    })
  );
}

/** A server for a development cluster, and the job that makes a database with its roles for every service. */
export function postgresObjects(): readonly Manifest[] {
  return [
    accountOf(postgres, labelsOf(postgres, "database")),
    serviceFor(postgres, [{ name: "tcp-postgres", port: 5_432, appProtocol: "tcp" }], {
      labels: labelsOf(postgres, "database"),
    }),
    server(),
    accountOf(databasesJob, labelsOf(databasesJob, "database")),
    makeDatabases(),
    databasesJobPolicy(),
  ];
}

function server(): Manifest {
  const labels = { ...labelsOf(postgres, "database"), ...databasePods };
  const isReady = { exec: { command: ["pg_isready", "--username=postgres", "--host=127.0.0.1"] } };
  const container = {
    name: postgres,
    image: "postgres:18",
    imagePullPolicy: "IfNotPresent",
    args: ["-c", "idle_in_transaction_session_timeout=5s"],
    env: [
      { name: "POSTGRES_PASSWORD", valueFrom: { secretKeyRef: { name: postgresAdminSecret, key: "password" } } },
      { name: "POSTGRES_INITDB_ARGS", value: "--data-checksums --auth-host=scram-sha-256" },
    ],
    ports: [{ name: "tcp-postgres", containerPort: 5_432, protocol: "TCP" }],
    startupProbe: { ...isReady, periodSeconds: 2, failureThreshold: 60 },
    readinessProbe: { ...isReady, periodSeconds: 5, timeoutSeconds: 5 },
    livenessProbe: { ...isReady, periodSeconds: 20, timeoutSeconds: 10, failureThreshold: 6 },
    resources: resourcesOf({ cpu: "250m", memory: "256Mi", memoryMax: "1Gi" }),
    securityContext: containerSecurity,
    volumeMounts: [
      { name: "data", mountPath: "/var/lib/postgresql" },
      { name: "sockets", mountPath: "/var/run/postgresql" },
      { name: "temporary", mountPath: "/tmp" },
    ],
  };
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: postgres, namespace, labels: labelsOf(postgres, "database") },
    spec: {
      serviceName: postgres,
      replicas: 1,
      selector: { matchLabels: selectorOf(postgres) },
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: postgres,
          ...podSecurity(postgresUser),
          terminationGracePeriodSeconds: 60,
          containers: [container],
          volumes: [{ name: "sockets", emptyDir: {} }, { name: "temporary", emptyDir: {} }],
        },
      },
      volumeClaimTemplates: [{
        metadata: { name: "data" },
        spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "5Gi" } } },
      }],
    },
  };
}

function makeDatabases(): Manifest {
  const labels = labelsOf(databasesJob, "database");
  const secrets = services.flatMap(({ name }) => [databaseSecret(name), ownerSecret(name)]);
  const variables: readonly Variable[] = [
    { name: "ADMIN_PASSWORD", source: { secret: postgresAdminSecret, key: "password", isOptional: false } },
    {
      name: "MESH_ADMIN_URL",
      source: { value: `postgres://postgres:$(ADMIN_PASSWORD)@${postgres}:5432/postgres` },
    },
    { name: "MESH_PASSWORDS_FOLDER", source: { value: passwordsFolder } },
    { name: "DENO_NO_UPDATE_CHECK", source: { value: "1" } },
    { name: "NO_COLOR", source: { value: "1" } },
  ];
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: databasesJob, namespace, labels },
    spec: {
      backoffLimit: 10,
      ttlSecondsAfterFinished: 600,
      template: {
        metadata: { labels },
        spec: ownPod(databasesJob, {
          restartPolicy: "OnFailure",
          containers: [ownContainer({
            name: "provision",
            image: "tools",
            args: ["run", ...databasesFlags(postgres), "deploy/provision/main.ts", "databases"],
            env: variables.map(envEntry),
            resources: { cpu: "50m", memory: "128Mi", memoryMax: "256Mi" },
            volumeMounts: [{ name: "passwords", mountPath: passwordsFolder, readOnly: true }],
          })],
          volumes: [{
            name: "passwords",
            projected: {
              defaultMode: 0o440,
              sources: secrets.map((name) => ({ secret: { name, items: [{ key: "password", path: name }] } })),
            },
          }],
        }),
      },
    },
  };
}

/** What the job may do: reach that server, read the passwords that it sets. */
export function databasesFlags(host: string): readonly string[] {
  return [
    "--no-prompt",
    "--cached-only",
    "--frozen",
    "--allow-env=MESH_ADMIN_URL,MESH_PASSWORDS_FOLDER",
    "--ignore-env",
    `--allow-net=${host}:5432`,
    `--allow-read=${passwordsFolder}`,
  ];
}
