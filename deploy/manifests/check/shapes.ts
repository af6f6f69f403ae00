/**
 * The parts of manifests that the rules read. Schemas were checked before; what a rule does not read passes here.
 *
 * @module
 */
import { z } from "zod";
import type { Manifest } from "../cluster.ts";

const Labels = z.record(z.string(), z.string());
const Selector = z.object({ matchLabels: Labels.optional() });

const Reference = z.object({ name: z.string(), key: z.string(), optional: z.boolean().default(false) });
const EnvEntry = z.object({
  name: z.string(),
  value: z.string().optional(),
  valueFrom: z.object({ secretKeyRef: Reference.optional(), configMapKeyRef: Reference.optional() }).optional(),
});

const Capabilities = z.object({ drop: z.array(z.string()).default([]), add: z.array(z.string()).default([]) });
const Container = z.object({
  name: z.string(),
  image: z.string(),
  args: z.array(z.string()).default([]),
  env: z.array(EnvEntry).default([]),
  ports: z.array(z.object({ name: z.string().optional(), containerPort: z.number() })).default([]),
  livenessProbe: z.unknown().optional(),
  readinessProbe: z.unknown().optional(),
  resources: z.object({ limits: Labels.default({}), requests: Labels.default({}) }).optional(),
  securityContext: z.object({
    allowPrivilegeEscalation: z.boolean().optional(),
    privileged: z.boolean().optional(),
    readOnlyRootFilesystem: z.boolean().optional(),
    runAsNonRoot: z.boolean().optional(),
    runAsUser: z.number().optional(),
    capabilities: Capabilities.optional(),
  }).optional(),
});

const Pod = z.object({
  serviceAccountName: z.string().optional(),
  automountServiceAccountToken: z.boolean().optional(),
  hostNetwork: z.boolean().default(false),
  hostPID: z.boolean().default(false),
  hostIPC: z.boolean().default(false),
  terminationGracePeriodSeconds: z.number().optional(),
  securityContext: z.object({
    runAsNonRoot: z.boolean().optional(),
    runAsUser: z.number().optional(),
    seccompProfile: z.object({ type: z.string() }).optional(),
  }).optional(),
  containers: z.array(Container),
  initContainers: z.array(Container).default([]),
  volumes: z.array(z.looseObject({
    name: z.string(),
    secret: z.object({ secretName: z.string() }).optional(),
    configMap: z.object({ name: z.string() }).optional(),
    projected: z.object({
      sources: z.array(z.object({
        secret: z.object({ name: z.string(), items: z.array(z.object({ key: z.string() })).default([]) }).optional(),
      })),
    }).optional(),
  })).default([]),
});

const Template = z.object({ metadata: z.object({ labels: Labels.default({}) }).default({ labels: {} }), spec: Pod });

/** A container of a pod. */
export type ContainerShape = z.output<typeof Container>;
/** What a workload runs. */
export interface PodShape {
  readonly owner: Manifest;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: z.output<typeof Pod>;
}

/** Finds the pods that the manifests describe. */
export function podsOf(manifests: readonly Manifest[]): readonly PodShape[] {
  return manifests.flatMap((owner) => {
    const template = templateOf(owner);
    return template === undefined ? [] : [{ owner, labels: template.metadata.labels, spec: template.spec }];
  });
}

function templateOf({ kind, spec }: Manifest): z.output<typeof Template> | undefined {
  const within = z.object({ template: Template });
  switch (kind) {
    case "Deployment":
    case "StatefulSet":
    case "Job":
      return within.parse(spec).template;
    case "CronJob":
      return z.object({ jobTemplate: z.object({ spec: within }) }).parse(spec).jobTemplate.spec.template;
    default:
      return undefined;
  }
}

/** An Istio policy about access. */
export const AccessPolicyShape = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    action: z.string().optional(),
    selector: Selector.optional(),
    targetRefs: z.array(z.object({ kind: z.string(), name: z.string() })).optional(),
    rules: z.array(z.object({
      from: z.array(z.object({ source: z.record(z.string(), z.array(z.string())) })).optional(),
      to: z.array(z.object({ operation: z.record(z.string(), z.array(z.string())) })).optional(),
      when: z.array(z.unknown()).optional(),
    })).optional(),
  }),
});

const Peer = z.object({
  podSelector: Selector.optional(),
  namespaceSelector: Selector.optional(),
  ipBlock: z.unknown().optional(),
});
const Ports = z.array(z.object({ port: z.number(), endPort: z.number().optional() })).default([]);

/** A NetworkPolicy. */
export const NetworkPolicyShape = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    podSelector: Selector,
    policyTypes: z.array(z.string()),
    ingress: z.array(z.object({ from: z.array(Peer).default([]), ports: Ports })).default([]),
    egress: z.array(z.object({ to: z.array(Peer).default([]), ports: Ports })).default([]),
  }),
});

/** A Service. */
export const ServiceShape = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    selector: Labels.optional(),
    ports: z.array(z.object({
      name: z.string().optional(),
      port: z.number(),
      targetPort: z.union([z.number(), z.string()]).optional(),
      appProtocol: z.string().optional(),
    })),
  }),
});

/** @returns Whether labels fit a selector. */
export function fits(selector: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}
