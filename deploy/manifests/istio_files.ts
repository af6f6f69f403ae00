import { emitPolicy, services } from "../topology.ts";
import { broker, type Manifest } from "./cluster.ts";
import { edgeObjects } from "./edge.ts";
import type { Installation } from "./installation.ts";
import { type Kustomization, kustomizationOf } from "./kustomization.ts";
import {
  type AccessEdge,
  accessPolicy,
  callEdges,
  closedByDefault,
  devEdges,
  outerEdges,
  serverEdges,
} from "./mesh_access.ts";
import { brokerTraffic, callTraffic, egressOf, externalEntry, migrationEgress, otherEgress } from "./mesh_traffic.ts";
import { externalCalls } from "./simulators.ts";

/** All edges of an installation: nothing else may reach anything. */
export function accessEdges({ external, hasSimulators }: Installation): readonly AccessEdge[] {
  return [
    ...callEdges(emitPolicy()),
    ...outerEdges(services),
    ...serverEdges(services),
    ...(hasSimulators ? devEdges(externalCalls(external)) : []),
  ];
}

/** Documents by path: what the mesh enforces for all installations, and what one of them adds. */
export function istioFiles(
  installations: readonly Installation[],
): readonly (readonly [string, readonly (Manifest | Kustomization)[]])[] {
  const edges = [...callEdges(emitPolicy()), ...outerEdges(services), ...serverEdges(services)];
  const base: Record<string, readonly Manifest[]> = {
    "mesh.yaml": [...closedByDefault(), ...otherEgress()],
    ...Object.fromEntries(services.map((service) => [
      `${service.name}.yaml`,
      [
        ...edges.filter(({ pods }) => pods["app.kubernetes.io/name"] === service.name).map(accessPolicy),
        callTraffic(service),
        migrationEgress(service),
      ],
    ])),
    [`${broker}.yaml`]: [
      ...edges.filter(({ pods }) => pods["app.kubernetes.io/name"] === broker).map(accessPolicy),
      brokerTraffic(),
    ],
    "databases.yaml": edges.filter(({ pods }) => pods["app.kubernetes.io/name"] === undefined).map(accessPolicy),
  };
  return [
    ...folder("istio/base", [], base),
    ...installations.flatMap((installation) =>
      folder(`istio/overlays/${installation.name}`, ["../../base"], overlay(installation))
    ),
  ];
}

function overlay(installation: Installation): Record<string, readonly Manifest[]> {
  const calls = externalCalls(installation.external);
  return {
    "edge.yaml": services.filter(({ publicPort }) => publicPort !== undefined)
      .flatMap((gateway) => edgeObjects(gateway, installation)),
    "egress.yaml": services.map((service) => egressOf(service, calls)),
    ...(installation.hasSimulators
      ? { "development.yaml": devEdges(calls).map(accessPolicy) }
      : { "external.yaml": calls.map(externalEntry) }),
  };
}

function folder(path: string, bases: readonly string[], files: Record<string, readonly Manifest[]>) {
  const kustomization = kustomizationOf("Kustomization", { resources: [...bases, ...Object.keys(files)] });
  return [
    [`${path}/kustomization.yaml`, [kustomization]] as const,
    ...Object.entries(files).map(([name, documents]) => [`${path}/${name}`, documents] as const),
  ];
}
