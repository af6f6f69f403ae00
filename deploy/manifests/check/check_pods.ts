import type { Manifest } from "../cluster.ts";
import { nameOf } from "./check_schemas.ts";
import type { Finding } from "./finding.ts";
import { type ContainerShape, type PodShape, podsOf } from "./shapes.ts";

/** Kinds of volumes that the restricted Pod Security Standard lets pass, of those that are used. */
const volumeKinds: ReadonlySet<string> = new Set(["name", "secret", "configMap", "emptyDir", "projected"]);

/** Every pod fits the restricted Pod Security Standard, and more: no token of the cluster, no writable root, no guess. */
export function checkPods(manifests: readonly Manifest[]): readonly Finding[] {
  return podsOf(manifests).flatMap((pod) => {
    const containers = [...pod.spec.initContainers, ...pod.spec.containers];
    const faults = [...podFaults(pod), ...containers.flatMap((container) => containerFaults(container, pod))];
    return faults.map(([rule, message]) => ({ rule, object: nameOf(pod.owner), message }));
  });
}

type Fault = readonly [rule: string, message: string];

function podFaults({ spec, owner }: PodShape): readonly Fault[] {
  const { securityContext: context = {}, volumes } = spec;
  const strange = volumes.flatMap((volume) => Object.keys(volume).filter((key) => !volumeKinds.has(key)));
  return faults("restricted", {
    "the pod may run as root": context.runAsNonRoot !== true || context.runAsUser === 0,
    "the pod has no seccomp profile": context.seccompProfile?.type !== "RuntimeDefault",
    "the pod shares namespaces of its machine": spec.hostNetwork || spec.hostPID || spec.hostIPC,
    "the pod gets a token of the cluster": spec.automountServiceAccountToken !== false,
    [`the pod has a volume of kind ${strange.join(", ")}`]: strange.length > 0,
  }).concat(faults("drain", {
    "it is killed before it can drain": isService(owner) && (spec.terminationGracePeriodSeconds ?? 30) < 40,
  }));
}

function containerFaults(container: ContainerShape, { owner }: PodShape): readonly Fault[] {
  const { name, image, securityContext: context = {}, resources } = container;
  const isLong = owner.kind === "Deployment" || owner.kind === "StatefulSet";
  return faults("restricted", {
    [`${name} may gain privileges`]: context.allowPrivilegeEscalation !== false || context.privileged === true,
    [`${name} has a root that can be written`]: context.readOnlyRootFilesystem !== true,
    [`${name} may run as root`]: context.runAsNonRoot === false || context.runAsUser === 0,
    [`${name} keeps capabilities`]: context.capabilities?.drop.includes("ALL") !== true ||
      context.capabilities.add.length > 0,
  }).concat(
    faults("pinned-image", {
      [`${name} runs ${image}, which may be anything`]: !/:[^:/]+$|@sha256:[0-9a-f]{64}$/.test(image) ||
        image.endsWith(":latest"),
    }),
    faults("bounded", {
      [`${name} may take all memory`]: resources?.limits.memory === undefined,
      [`${name} asks for nothing`]: resources?.requests.cpu === undefined || resources.requests.memory === undefined,
    }),
    faults("probes", {
      [`${name} has no probes`]: isLong &&
        (container.livenessProbe === undefined || container.readinessProbe === undefined),
    }),
  );
}

function isService({ metadata: { labels = {} } }: Manifest): boolean {
  return labels["app.kubernetes.io/component"] === "service";
}

function faults(rule: string, claims: Readonly<Record<string, boolean>>): readonly Fault[] {
  return Object.entries(claims).filter(([, isTrue]) => isTrue).map(([message]) => [rule, message]);
}
