import { nonRootUser } from "./cluster.ts";

/** What the restricted Pod Security Standard asks of a pod, and no token of the cluster's own. */
export function podSecurity(user: number): Readonly<Record<string, unknown>> {
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: user,
      runAsGroup: user,
      fsGroup: user,
      seccompProfile: { type: "RuntimeDefault" },
    },
  };
}

/** What the restricted Pod Security Standard asks of a container, and a root that cannot be written. */
export const containerSecurity = Object.freeze({
  allowPrivilegeEscalation: false,
  capabilities: { drop: ["ALL"] },
  privileged: false,
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
});

/** What a container is given and may take, as Kubernetes quantities. */
export interface Resources {
  readonly cpu: string;
  readonly memory: string;
  readonly memoryMax: string;
}

/** No limit of CPU: throttling would turn a busy second into missed heartbeats. */
export function resourcesOf({ cpu, memory, memoryMax }: Resources): Readonly<Record<string, unknown>> {
  return { requests: { cpu, memory }, limits: { memory: memoryMax } };
}

/** A container that runs our own code. */
export interface OwnContainer {
  readonly name: string;
  /** Short name of the image; overlays put registry and tag to it. */
  readonly image: string;
  /** Arguments for Deno. */
  readonly args: readonly string[];
  readonly env: readonly Readonly<Record<string, unknown>>[];
  readonly resources: Resources;
  readonly volumeMounts?: readonly Readonly<Record<string, unknown>>[];
  /** Ports, probes. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/** Describes a container that runs our own code. */
export function ownContainer(options: OwnContainer): Readonly<Record<string, unknown>> {
  const { name, image, args, env, resources, volumeMounts = [], more = {} } = options;
  return {
    name,
    image: `jangteo/${image}`,
    imagePullPolicy: "IfNotPresent",
    args: [...args],
    env: [...env],
    ...more,
    resources: resourcesOf(resources),
    securityContext: containerSecurity,
    ...(volumeMounts.length === 0 ? {} : { volumeMounts: [...volumeMounts] }),
  };
}

/** A pod of our own code. */
export function ownPod(account: string, parts: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return { serviceAccountName: account, ...podSecurity(nonRootUser), ...parts };
}
