import { hasMailbox, type ServiceDefinition } from "@mesh/contract";
import { denoFlags } from "../permissions.ts";
import { labelsOf, type Manifest, namespace, policyMap, publicKeysMap, selectorOf } from "./cluster.ts";
import type { Installation } from "./installation.ts";
import { ownContainer, ownPod } from "./pod.ts";
import { keysSecret } from "./secret_names.ts";
import { envEntry, folders, serviceVariables, valuesOf, type VariableOptions } from "./service_environment.ts";

/** 40 s: a drain takes up to 35 s, a turn 30 s of them. */
const gracePeriodSeconds = 40;

/**
 * The workload of a service. With a mailbox it is a StatefulSet: the ordinal of a replica says which partitions it is the
 * first to consume.
 */
export function workloadOf(service: ServiceDefinition, options: VariableOptions): Manifest {
  const { name } = service;
  const metadata = { name, namespace, labels: labelsOf(name, "service") };
  const common = {
    // The count is the overlay's; one is what a base that is applied alone should run.
    replicas: 1,
    revisionHistoryLimit: 3,
    selector: { matchLabels: selectorOf(name) },
    template: { metadata: { labels: labelsOf(name, "service") }, spec: podOf(service, options) },
  };
  if (!hasMailbox(service)) return { apiVersion: "apps/v1", kind: "Deployment", metadata, spec: common };
  // Parallel: replicas do not wait for each other, the broker decides who consumes what.
  const spec = { serviceName: name, podManagementPolicy: "Parallel", ...common };
  return { apiVersion: "apps/v1", kind: "StatefulSet", metadata, spec };
}

/** Arguments and variables of a service's container. */
export function containerEssence(
  service: ServiceDefinition,
  options: VariableOptions,
): { readonly args: readonly string[]; readonly env: readonly Readonly<Record<string, unknown>>[] } {
  const variables = serviceVariables(service, options);
  return {
    args: ["run", ...denoFlags(service, valuesOf(variables)), `services/${service.name}/main.ts`],
    env: variables.map(envEntry),
  };
}

/**
 * What an installation changes in a service's workload.
 *
 * @returns A strategic merge patch, or `undefined` where the base is right as it is.
 */
export function workloadPatch(
  service: ServiceDefinition,
  base: VariableOptions,
  { external, hasSeedAccounts }: Installation,
): Manifest | undefined {
  const before = containerEssence(service, base);
  const after = containerEssence(service, { external, hasSeedAccounts });
  const known = new Set(before.env.map((entry) => JSON.stringify(entry)));
  const changed = after.env.filter((entry) => !known.has(JSON.stringify(entry)));
  if (changed.length === 0) return undefined;
  // A patch's variables go before all others, so those that they refer to have to come along.
  const referred = new Set(changed.flatMap(({ value }) => referencesIn(String(value ?? ""))));
  const env = after.env.filter((entry) => changed.includes(entry) || referred.has(String(entry.name)));
  const { apiVersion, kind } = workloadOf(service, base);
  const container = { name: service.name, args: after.args, env };
  return {
    apiVersion,
    kind,
    metadata: { name: service.name, namespace },
    spec: { template: { spec: { containers: [container] } } },
  };
}

/** Names of the variables that a value refers to as `$(NAME)`. */
export function referencesIn(value: string): readonly string[] {
  return [...value.matchAll(/\$\(([A-Za-z_][A-Za-z0-9_]*)\)/g)].map(([, name]) => name!);
}

function podOf(service: ServiceDefinition, options: VariableOptions): Readonly<Record<string, unknown>> {
  const { name } = service;
  const volumes = [
    { name: "keys", secret: { secretName: keysSecret(name), defaultMode: 0o440 } },
    { name: "public-keys", configMap: { name: publicKeysMap } },
    { name: "policy", configMap: { name: policyMap } },
  ];
  return ownPod(name, {
    terminationGracePeriodSeconds: gracePeriodSeconds,
    topologySpreadConstraints: [{
      maxSkew: 1,
      topologyKey: "kubernetes.io/hostname",
      whenUnsatisfiable: "ScheduleAnyway",
      labelSelector: { matchLabels: selectorOf(name) },
    }],
    containers: [ownContainer({
      name,
      image: name,
      ...containerEssence(service, options),
      resources: { cpu: "100m", memory: "192Mi", memoryMax: "512Mi" },
      volumeMounts: [
        { name: "keys", mountPath: folders.keys, readOnly: true },
        { name: "public-keys", mountPath: folders.publicKeys, readOnly: true },
        { name: "policy", mountPath: folders.policy, readOnly: true },
      ],
      more: { ports: portsOf(service), ...probes },
    })],
    volumes,
  });
}

function portsOf({ internalPort, publicPort }: ServiceDefinition): readonly Readonly<Record<string, unknown>>[] {
  return [
    { name: "http-internal", containerPort: internalPort, protocol: "TCP" },
    ...(publicPort === undefined ? [] : [{ name: "http-public", containerPort: publicPort, protocol: "TCP" }]),
  ];
}

/** Alive: the process answers. Ready: it has broker and database, its tables are current, and it does not drain. */
const probes = Object.freeze({
  startupProbe: { ...probeOf("/health/live"), periodSeconds: 2, failureThreshold: 60 },
  livenessProbe: { ...probeOf("/health/live"), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 },
  readinessProbe: { ...probeOf("/health/ready"), periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 3 },
});

function probeOf(path: string): Readonly<Record<string, unknown>> {
  return { httpGet: { path, port: "http-internal", scheme: "HTTP" } };
}
