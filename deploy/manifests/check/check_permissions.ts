import type { ServiceDefinition } from "@mesh/contract";
import { denoFlags, telemetryVariables, variablesOf } from "../../permissions.ts";
import { services } from "../../topology.ts";
import { broker, type Manifest, settingsMap } from "../cluster.ts";
import type { Installation } from "../installation.ts";
import { wantedSecrets } from "../secret_names.ts";
import { referencesIn } from "../workload.ts";
import { nameOf } from "./check_schemas.ts";
import type { Finding } from "./finding.ts";
import { type ContainerShape, type PodShape, podsOf } from "./shapes.ts";

/** Variables of a container that Deno or the C library reads, or that only other variables refer to. */
const unreadVariables: ReadonlySet<string> = new Set([
  ...telemetryVariables,
  "DENO_NO_UPDATE_CHECK",
  "MALLOC_MMAP_THRESHOLD_",
  "NO_COLOR",
  "BROKER_PASSWORD",
  "DATABASE_PASSWORD",
  "SMTP_USER",
  "SMTP_PASSWORD",
]);

/** Each service runs with exactly the permissions that follow from its contract and its addresses, and finds its files. */
export function checkPermissions(manifests: readonly Manifest[], installation: Installation): readonly Finding[] {
  const pods = podsOf(manifests);
  const ofServices = services.flatMap((service) => {
    const pod = pods.find(({ owner }) => owner.metadata.name === service.name && isWorkload(owner));
    const container = pod?.spec.containers.find(({ name }) => name === service.name);
    if (pod === undefined || container === undefined) {
      return [{ rule: "permissions", object: service.name, message: "no workload runs it" }];
    }
    return [...flagFindings(service, container, pod), ...hostFindings(container, pod, manifests, installation)];
  });
  return [
    ...ofServices,
    ...pods.flatMap(orderFindings),
    ...pods.flatMap((pod) => referenceFindings(pod, manifests, installation)),
  ];
}

function flagFindings(service: ServiceDefinition, { args, env }: ContainerShape, { owner }: PodShape) {
  const rule = "permissions";
  const object = nameOf(owner);
  const values = Object.fromEntries(env.flatMap(({ name, value }) => value === undefined ? [] : [[name, value]]));
  const wanted = ["run", ...denoFlags(service, values), `services/${service.name}/main.ts`];
  const strange = env.map(({ name }) => name).filter((name) =>
    !variablesOf(service).includes(name) && !unreadVariables.has(name)
  );
  return [
    ...wanted.filter((flag) => !args.includes(flag)).map((flag) => ({ rule, object, message: `it lacks ${flag}` })),
    ...args.filter((flag) => !wanted.includes(flag)).map((flag) => ({ rule, object, message: `it has ${flag}` })),
    ...strange.map((name) => ({ rule, object, message: `its contract does not name the variable ${name}` })),
  ];
}

/** Kubernetes replaces `$(NAME)` only if NAME stands further up; otherwise the text stays as it is. */
function orderFindings({ owner, spec }: PodShape): readonly Finding[] {
  return spec.containers.flatMap(({ env }) =>
    env.flatMap(({ name, value = "" }, index) => {
      const earlier = new Set(env.slice(0, index).map((each) => each.name));
      return referencesIn(value).filter((reference) => !earlier.has(reference)).map((reference) => ({
        rule: "variable-order",
        object: nameOf(owner),
        message: `${name} refers to ${reference}, which is not set before it`,
      }));
    })
  );
}

/** Whom it may talk to must be there. */
function hostFindings(
  { args }: ContainerShape,
  { owner }: PodShape,
  manifests: readonly Manifest[],
  { external }: Installation,
): readonly Finding[] {
  const names = new Set([
    "0.0.0.0",
    broker,
    ...manifests.filter(({ kind }) => kind === "Service").map(({ metadata }) => metadata.name),
    ...Object.values(external).map((url) => new URL(url).hostname),
  ]);
  const hosts = args.find((arg) => arg.startsWith("--allow-net="))?.slice("--allow-net=".length).split(",") ?? [];
  return hosts.filter((host) => !names.has(host.split(":")[0]!)).map((host) => ({
    rule: "permissions",
    object: nameOf(owner),
    message: `nobody is ${host}`,
  }));
}

/** What a pod refers to is among the manifests, or on the list of what must be made. */
function referenceFindings(
  pod: PodShape,
  manifests: readonly Manifest[],
  { hasSeedAccounts, hasSimulators, external }: Installation,
): readonly Finding[] {
  const hasSmtpLogin = (external.SMTP_URL ?? "").includes("$(SMTP_USER)");
  const wanted = wantedSecrets(services, { hasSeedAccounts, hasPostgres: hasSimulators, hasSmtpLogin });
  const held = new Map(wanted.map(({ kind, name, keys }) => [`${kind} ${name}`, new Set(keys)]));
  for (const { kind, metadata, data } of manifests) {
    if (kind === "ConfigMap") held.set(`${kind} ${metadata.name}`, new Set(Object.keys(data as object)));
  }
  const missing = referencesOf(pod).filter(({ id, key }) =>
    !held.has(id) || (key !== undefined && !held.get(id)!.has(key))
  );
  return missing.map(({ id, key }) => ({
    rule: "references",
    object: nameOf(pod.owner),
    message: `there is no ${id}${key === undefined ? "" : ` with ${key}`}`,
  }));
}

interface ReferenceTo {
  readonly id: string;
  readonly key: string | undefined;
}

function referencesOf({ spec: { containers, volumes } }: PodShape): readonly ReferenceTo[] {
  const ofVariables = containers.flatMap(({ env }) => env).flatMap(({ valueFrom: from }) => [
    ...(from?.secretKeyRef === undefined ? [] : [{ ...from.secretKeyRef, kind: "Secret" }]),
    ...(from?.configMapKeyRef === undefined ? [] : [{ ...from.configMapKeyRef, kind: "ConfigMap" }]),
  ]).filter(({ optional }) => !optional).map(({ kind, name, key }) => ({ id: `${kind} ${name}`, key }));
  const ofVolumes = volumes.flatMap(({ secret, configMap, projected }): readonly ReferenceTo[] => [
    ...(secret === undefined ? [] : [{ id: `Secret ${secret.secretName}`, key: undefined }]),
    ...(configMap === undefined ? [] : [{ id: `ConfigMap ${configMap.name}`, key: undefined }]),
    ...(projected?.sources ?? []).flatMap(({ secret: part }) =>
      (part?.items ?? []).map(({ key }) => ({ id: `Secret ${part!.name}`, key }))
    ),
  ]);
  return [...ofVariables, ...ofVolumes];
}

/** The settings that all services share agree with what the manifests say elsewhere. */
export function checkSettings(manifests: readonly Manifest[], { partitions }: Installation): readonly Finding[] {
  const settings = manifests.find(({ kind, metadata }) => kind === "ConfigMap" && metadata.name === settingsMap);
  const data = (settings?.data ?? {}) as Readonly<Record<string, string>>;
  const sets = manifests.filter(({ kind, metadata: { labels = {} } }) =>
    kind === "StatefulSet" && labels["app.kubernetes.io/component"] === "service"
  );
  const counts = sets.map(({ spec }) => String((spec as { readonly replicas: number }).replicas));
  const object = `ConfigMap ${settingsMap}`;
  const rule = "settings";
  return [
    ...(data.MESH_PARTITIONS === String(partitions) ? [] : [{ rule, object, message: "MESH_PARTITIONS is wrong" }]),
    ...(counts.every((count) => count === data.MESH_REPLICAS)
      ? []
      : [{ rule, object, message: `MESH_REPLICAS is ${data.MESH_REPLICAS}, workloads have ${[...new Set(counts)]}` }]),
  ];
}

function isWorkload({ kind }: Manifest): boolean {
  return kind === "StatefulSet" || kind === "Deployment";
}
