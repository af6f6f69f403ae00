import type { ServiceDefinition } from "@mesh/contract";
import { peersOf } from "../topology.ts";
import {
  broker,
  databaseHost,
  fullHost,
  labelsOf,
  type Manifest,
  migrationAccount,
  namespace,
  selectorOf,
  trustDomain,
} from "./cluster.ts";
import { brokerPods } from "./network_policy.ts";
import type { ExternalCall } from "./simulators.ts";

/** Long connections: a peer that has vanished is noticed after two minutes, and silence alone ends nothing. */
export function brokerTraffic(): Manifest {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: { name: broker, namespace, labels: labelsOf(broker, "mesh") },
    spec: {
      host: fullHost(broker),
      trafficPolicy: {
        connectionPool: {
          tcp: {
            connectTimeout: "5s",
            tcpKeepalive: { time: "60s", interval: "20s", probes: 3 },
            // An hour; heartbeats come every 20 s.
            idleTimeout: "3600s",
          },
        },
      },
    },
  };
}

/**
 * Repeating a call is the caller's business, which knows whether it may: the proxies do it for none.
 */
export function callTraffic({ name, internalPort, publicPort }: ServiceDefinition): Manifest {
  const host = fullHost(name);
  const ports = [internalPort, ...(publicPort === undefined ? [] : [publicPort])];
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name, namespace, labels: labelsOf(name, "mesh") },
    spec: {
      hosts: [host],
      http: ports.map((port) => ({
        match: [{ port }],
        retries: { attempts: 0 },
        route: [{ destination: { host, port: { number: port } } }],
      })),
    },
  };
}

/** What a service's proxy knows of the world: broker, own database, peers, and the parties that its effects call. */
export function egressOf(service: ServiceDefinition, calls: readonly ExternalCall[]): Manifest {
  const { name } = service;
  const hosts = [
    ...[broker, databaseHost(name), ...peersOf(service)].map(fullHost),
    ...calls.filter((call) => call.service === name).map(({ url }) => hostOf(url)),
  ];
  return sidecar(name, { workloadSelector: { labels: selectorOf(name) } }, hosts);
}

/** What the proxy of a migration knows: one database. */
export function migrationEgress({ name }: ServiceDefinition): Manifest {
  const account = migrationAccount(name);
  return sidecar(account, { workloadSelector: { labels: selectorOf(account) } }, [fullHost(databaseHost(name))]);
}

/** What the proxies of all other pods know: the namespace. The broker's nodes find each other through the API server. */
export function otherEgress(): readonly Manifest[] {
  const apiServer = `default/kubernetes.default.svc.${trustDomain}`;
  return [
    sidecar("default", {}, ["*"]),
    sidecar(broker, { workloadSelector: { labels: brokerPods } }, ["*"], [apiServer]),
  ];
}

/**
 * @param hosts In this namespace.
 * @param others With the namespace before them.
 */
function sidecar(
  name: string,
  selector: Readonly<Record<string, unknown>>,
  hosts: readonly string[],
  others: readonly string[] = [],
): Manifest {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "Sidecar",
    metadata: { name, namespace, labels: labelsOf(name, "mesh") },
    spec: {
      ...selector,
      outboundTrafficPolicy: { mode: "REGISTRY_ONLY" },
      egress: [{ hosts: [...hosts.map((host) => `./${host}`), ...others, "istio-system/*"] }],
    },
  };
}

/** A party outside, made known to the mesh; TLS goes through as it is. */
export function externalEntry({ url, port, service }: ExternalCall): Manifest {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "ServiceEntry",
    metadata: { name: `${service}-external`, namespace, labels: labelsOf(`${service}-external`, "mesh") },
    spec: {
      hosts: [url.hostname],
      location: "MESH_EXTERNAL",
      resolution: "DNS",
      exportTo: ["."],
      ports: [{ number: port, name: `tls-${port}`, protocol: "TLS" }],
    },
  };
}

function hostOf({ hostname }: URL): string {
  return hostname.includes(".") ? hostname : fullHost(hostname);
}
