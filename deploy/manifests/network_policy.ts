import type { ServiceDefinition } from "@mesh/contract";
import { peersOf, serviceNamed, services } from "../topology.ts";
import {
  broker,
  databasesJob,
  labelsOf,
  type Manifest,
  migrationAccount,
  monitoringNamespace,
  namespace,
  operatorsNamespace,
  selectorOf,
  storefront,
} from "./cluster.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Ports that RabbitMQ's nodes talk to each other on: epmd, distribution, and the command-line tools. */
export const interNodePorts = Object.freeze({
  epmd: 4_369,
  distribution: 25_672,
  toolsFirst: 35_672,
  toolsLast: 35_682,
});

/** Nothing may come in or go out that no other policy names; every pod may ask for names and for its identity. */
export function namespacePolicies(): readonly Manifest[] {
  const dns = {
    to: [{ namespaceSelector: nameOf("kube-system"), podSelector: { matchLabels: { "k8s-app": "kube-dns" } } }],
    ports: [{ protocol: "UDP", port: 53 }, { protocol: "TCP", port: 53 }],
  };
  const istiod = {
    to: [{ namespaceSelector: nameOf("istio-system"), podSelector: { matchLabels: { app: "istiod" } } }],
    ports: [{ protocol: "TCP", port: 15_012 }],
  };
  return [
    policy("default-deny", {}, { ingress: [], egress: [] }),
    policy("names-and-identity", {}, { egress: [dns, istiod] }),
  ];
}

/** Who may reach a service, and whom it may reach: the same edges as in the contracts. */
export function servicePolicies(service: ServiceDefinition): readonly Manifest[] {
  const { name, internalPort, publicPort } = service;
  const callers = services.filter((caller) => peersOf(caller).includes(name)).map((caller) => caller.name);
  const ingress = [
    ...(callers.length === 0 ? [] : [{ from: callers.map(podsOf), ports: [tcp(internalPort)] }]),
    { from: [podsIn(monitoringNamespace, {})], ports: [tcp(internalPort)] },
    ...(publicPort === undefined ? [] : [{
      from: [{ podSelector: { matchLabels: { "gateway.networking.k8s.io/gateway-name": storefront } } }],
      ports: [tcp(publicPort)],
    }]),
  ];
  const egress = [
    { to: [{ podSelector: { matchLabels: brokerPods } }], ports: [tcp(5_672)] },
    toDatabase,
    ...peersOf(service).map((peer) => ({ to: [podsOf(peer)], ports: [tcp(serviceNamed(peer).internalPort)] })),
  ];
  const ofMigration = policy(migrationAccount(name), selectorOf(migrationAccount(name)), { egress: [toDatabase] });
  return [policy(name, selectorOf(name), { ingress, egress }), ofMigration];
}

/** Labels that the Cluster Operator gives to the broker's pods. */
export const brokerPods = Object.freeze({
  "app.kubernetes.io/component": "rabbitmq",
  "app.kubernetes.io/name": broker,
});

/** Label of every pod that serves databases, whoever runs it; a policy cannot name several labels as alternatives. */
export const databasePods = Object.freeze({ "jangteo.example/database": "true" });

const toDatabase: Fields = { to: [{ podSelector: { matchLabels: databasePods } }], ports: [tcp(5_432)] };

/** The broker is for the services, its API for the operators, its metrics for Prometheus, its nodes for each other. */
export function brokerPolicy(): Manifest {
  const nodes = {
    ports: [
      tcp(interNodePorts.epmd),
      tcp(interNodePorts.distribution),
      { ...tcp(interNodePorts.toolsFirst), endPort: interNodePorts.toolsLast },
    ],
  };
  const own = [{ podSelector: { matchLabels: brokerPods } }];
  const operators = podsIn(operatorsNamespace, { "app.kubernetes.io/component": "rabbitmq-operator" });
  return policy(broker, brokerPods, {
    ingress: [
      { from: services.map(({ name }) => podsOf(name)), ports: [tcp(5_672)] },
      { from: [operators], ports: [tcp(15_672)] },
      { from: [podsIn(monitoringNamespace, {})], ports: [tcp(15_692)] },
      { from: own, ...nodes },
    ],
    egress: [
      { to: own, ...nodes },
      // Nodes find each other through the API server, whose address no policy can know by name.
      { ports: [tcp(443), tcp(6_443)] },
    ],
  });
}

/** The database is for the services, their migrations, and the job that makes databases. */
export function databasePolicy(): Manifest {
  const clients = services.flatMap((service) => [service.name, migrationAccount(service.name)]);
  return policy("databases", databasePods, {
    ingress: [{ from: [...clients, databasesJob].map(podsOf), ports: [tcp(5_432)] }],
  });
}

/** The Gateway's pods take customers from anywhere and pass them to the one service that has a public port. */
export function storefrontPolicy(gateway: ServiceDefinition): Manifest {
  const pods = { "gateway.networking.k8s.io/gateway-name": storefront };
  return policy(storefront, pods, {
    ingress: [{ ports: [tcp(80), tcp(443)] }],
    egress: [{ to: [podsOf(gateway.name)], ports: [tcp(gateway.publicPort!)] }],
  });
}

/** Lets a component be reached by the services whose effects call it. */
export function simulatorPolicy(name: string, callers: readonly { readonly service: string; readonly port: number }[]) {
  return policy(name, selectorOf(name), {
    ingress: callers.map(({ service, port }) => ({ from: [podsOf(service)], ports: [tcp(port)] })),
  });
}

/** Lets a service call out of its effects: to pods of the shop, or to ports anywhere outside the private ranges. */
export function externalPolicy(service: string, port: number, to: "outside" | string): Manifest {
  const outside = {
    ipBlock: { cidr: "0.0.0.0/0", except: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"] },
  };
  return policy(`${service}-external`, selectorOf(service), {
    egress: [{ to: [to === "outside" ? outside : podsOf(to)], ports: [tcp(port)] }],
  });
}

/** Lets the job that makes databases reach the server. */
export function databasesJobPolicy(): Manifest {
  return policy(databasesJob, selectorOf(databasesJob), { egress: [toDatabase] });
}

function policy(
  name: string,
  podLabels: Readonly<Record<string, string>>,
  rules: { readonly ingress?: readonly Fields[]; readonly egress?: readonly Fields[] },
): Manifest {
  const { ingress, egress } = rules;
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name, namespace, labels: labelsOf(name, "mesh") },
    spec: {
      podSelector: Object.keys(podLabels).length === 0 ? {} : { matchLabels: podLabels },
      policyTypes: [...(ingress === undefined ? [] : ["Ingress"]), ...(egress === undefined ? [] : ["Egress"])],
      ...(ingress === undefined ? {} : { ingress }),
      ...(egress === undefined ? {} : { egress }),
    },
  };
}

function podsOf(name: string): Fields {
  return { podSelector: { matchLabels: selectorOf(name) } };
}

function podsIn(inNamespace: string, labels: Readonly<Record<string, string>>): Fields {
  return {
    namespaceSelector: nameOf(inNamespace),
    ...(Object.keys(labels).length === 0 ? {} : { podSelector: { matchLabels: labels } }),
  };
}

function nameOf(inNamespace: string): Fields {
  return { matchLabels: { "kubernetes.io/metadata.name": inNamespace } };
}

function tcp(port: number): Readonly<{ protocol: "TCP"; port: number }> {
  return { protocol: "TCP", port };
}
