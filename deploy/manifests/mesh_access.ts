import type { EmitPolicy } from "@mesh/envelope";
import type { ServiceDefinition } from "@mesh/contract";
import { serviceNamed } from "../topology.ts";
import {
  broker,
  databasesJob,
  foreignAccounts,
  labelsOf,
  type Manifest,
  migrationAccount,
  namespace,
  principal,
  selectorOf,
  simulators,
  storefrontAccount,
} from "./cluster.ts";
import { brokerPods, databasePods } from "./network_policy.ts";
import type { ExternalCall } from "./simulators.ts";

/** One thing that is allowed: who may reach which pods, at which port. */
export interface AccessEdge {
  /** Name of its policy. */
  readonly name: string;
  readonly pods: Readonly<Record<string, string>>;
  /** Principals, all of which the mesh proves by certificates. */
  readonly from: readonly string[];
  readonly port: number;
  /** Only these requests; where absent anything that the port speaks. */
  readonly requests?: { readonly methods: readonly string[]; readonly paths: readonly string[] };
}

/** Calls between services: exactly those of the emit policy, which every callee checks again by token. */
export function callEdges(policy: EmitPolicy): readonly AccessEdge[] {
  return policy.calls.map(({ from, to }) => ({
    name: `${from}-to-${to}`,
    pods: selectorOf(to),
    from: [principal(from)],
    port: serviceNamed(to).internalPort,
  }));
}

/** What customers and Prometheus may reach. */
export function outerEdges(services: readonly ServiceDefinition[]): readonly AccessEdge[] {
  return services.flatMap(({ name, internalPort, publicPort }) => [
    ...(publicPort === undefined ? [] : [{
      name: `customers-to-${name}`,
      pods: selectorOf(name),
      from: [principal(storefrontAccount)],
      port: publicPort,
    }]),
    {
      name: `prometheus-to-${name}`,
      pods: selectorOf(name),
      from: [foreignAccounts.prometheus],
      port: internalPort,
      requests: { methods: ["GET"], paths: ["/metrics"] },
    },
  ]);
}

/** Who may reach the broker and the databases. */
export function serverEdges(services: readonly ServiceDefinition[]): readonly AccessEdge[] {
  const names = services.map(({ name }) => name);
  const migrations = names.map(migrationAccount);
  return [
    { name: `services-to-${broker}`, pods: brokerPods, from: names.map((name) => principal(name)), port: 5_672 },
    {
      name: `operators-to-${broker}`,
      pods: brokerPods,
      from: [foreignAccounts.topologyOperator, foreignAccounts.clusterOperator],
      port: 15_672,
    },
    { name: `prometheus-to-${broker}`, pods: brokerPods, from: [foreignAccounts.prometheus], port: 15_692 },
    {
      name: "services-to-databases",
      pods: databasePods,
      from: [...names, ...migrations].map((name) => principal(name)),
      port: 5_432,
    },
  ];
}

/** What only a development cluster has: its simulators, and the job that makes its databases. */
export function devEdges(calls: readonly ExternalCall[]): readonly AccessEdge[] {
  return [
    {
      name: `${databasesJob}-to-databases`,
      pods: databasePods,
      from: [principal(databasesJob)],
      port: 5_432,
    },
    ...calls.map(({ service, port }) => ({
      name: `${service}-to-${simulators}`,
      pods: selectorOf(simulators),
      from: [principal(service)],
      port,
    })),
  ];
}

/** The policy that allows one edge, and nothing else. */
export function accessPolicy({ name, pods, from, port, requests }: AccessEdge): Manifest {
  return {
    apiVersion: "security.istio.io/v1",
    kind: "AuthorizationPolicy",
    metadata: { name, namespace, labels: labelsOf(name, "mesh") },
    spec: {
      selector: { matchLabels: pods },
      action: "ALLOW",
      rules: [{
        from: [{ source: { principals: [...from] } }],
        to: [{
          operation: {
            ports: [String(port)],
            ...(requests === undefined ? {} : { methods: requests.methods, paths: requests.paths }),
          },
        }],
      }],
    },
  };
}

/** Only encrypted and proven connections, and none that no other policy allows. */
export function closedByDefault(): readonly Manifest[] {
  return [
    {
      apiVersion: "security.istio.io/v1",
      kind: "PeerAuthentication",
      metadata: { name: "default", namespace, labels: labelsOf("default", "mesh") },
      spec: { mtls: { mode: "STRICT" } },
    },
    {
      apiVersion: "security.istio.io/v1",
      kind: "AuthorizationPolicy",
      metadata: { name: "default-deny", namespace, labels: labelsOf("default-deny", "mesh") },
      // Without a rule it allows nothing; what is not allowed by any policy is denied.
      spec: {},
    },
  ];
}
