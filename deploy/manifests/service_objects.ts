import type { ServiceDefinition } from "@mesh/contract";
import { labelsOf, type Manifest, namespace, selectorOf } from "./cluster.ts";

/** A port of a Service; its protocol is always said, so that no proxy has to guess it. */
export interface ServicePort {
  readonly name: string;
  readonly port: number;
  readonly appProtocol: "http" | "tcp";
}

/** A Service for the pods of a component. */
export function serviceFor(
  name: string,
  ports: readonly ServicePort[],
  { labels, selector = selectorOf(name) }: {
    readonly labels: Readonly<Record<string, string>>;
    readonly selector?: Readonly<Record<string, string>>;
  },
): Manifest {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace, labels },
    spec: {
      type: "ClusterIP",
      selector,
      ports: ports.map(({ name, port, appProtocol }) => ({
        name,
        port,
        targetPort: port,
        protocol: "TCP",
        appProtocol,
      })),
    },
  };
}

/** The Service of one of the shop's services. */
export function serviceOf({ name, internalPort, publicPort }: ServiceDefinition): Manifest {
  return serviceFor(name, [
    { name: "http-internal", port: internalPort, appProtocol: "http" },
    ...(publicPort === undefined ? [] : [{ name: "http-public", port: publicPort, appProtocol: "http" as const }]),
  ], { labels: labelsOf(name, "service") });
}

/** An account that proves who a pod is to the mesh, and nothing to the cluster. */
export function accountOf(name: string, labels: Readonly<Record<string, string>>): Manifest {
  return {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name, namespace, labels },
    automountServiceAccountToken: false,
  };
}

/** Lets a node be drained one replica at a time. */
export function disruptionBudgetOf(name: string, labels: Readonly<Record<string, string>>): Manifest {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name, namespace, labels },
    spec: { maxUnavailable: 1, selector: { matchLabels: selectorOf(name) }, unhealthyPodEvictionPolicy: "AlwaysAllow" },
  };
}
