import { broker, labelsOf, type Manifest, namespace } from "./cluster.ts";
import type { BrokerSize } from "./installation.ts";
import { interNodePorts } from "./network_policy.ts";

/** The version that production is meant for; the tests run on this one, on 4.0 and on 3.10 alike. */
const image = "rabbitmq:4.3-management";

/**
 * Settings that would otherwise be defaults of whichever version runs; no rates per queue, exchange and channel, which
 * cost a tenth of the broker's time and which nobody asks for.
 */
const config = `max_message_size = 1048576
heartbeat = 20
consumer_timeout = 1800000
vm_memory_high_watermark.relative = 0.4
disk_free_limit.absolute = 2GB
management.rates_mode = none
`;

/** 10 min: after that, whatever still waits for a quorum is not going to get one. */
const gracePeriodSeconds = 600;

/** The broker, run by RabbitMQ's Cluster Operator. */
export function brokerCluster({ nodes, storage, memory, cpu }: BrokerSize): Manifest {
  // Between nodes Erlang speaks its own protocol: it stays out of the proxies and is fenced in by a NetworkPolicy.
  const { epmd, distribution, toolsFirst, toolsLast } = interNodePorts;
  const tools = Array.from({ length: toolsLast - toolsFirst + 1 }, (_, index) => toolsFirst + index);
  const between = [epmd, distribution, ...tools].join(",");
  return {
    apiVersion: "rabbitmq.com/v1beta1",
    kind: "RabbitmqCluster",
    metadata: { name: broker, namespace, labels: labelsOf(broker, "broker") },
    spec: {
      replicas: nodes,
      image,
      persistence: { storage },
      resources: { requests: { cpu, memory }, limits: { memory } },
      terminationGracePeriodSeconds: gracePeriodSeconds,
      rabbitmq: { additionalConfig: config },
      ...(nodes === 1 ? {} : { affinity: apart }),
      override: {
        service: { spec: { ports: servicePorts } },
        statefulSet: {
          spec: {
            template: {
              metadata: {
                annotations: {
                  "traffic.sidecar.istio.io/excludeInboundPorts": between,
                  "traffic.sidecar.istio.io/excludeOutboundPorts": between,
                },
              },
              // The operator's merge wants the list there, even where nothing in it is changed.
              spec: { containers: [] },
            },
          },
        },
      },
    },
  };
}

/** The operator calls the first one "amqp", which no proxy knows: it would look into every connection to guess. */
const servicePorts = Object.freeze([
  { name: "amqp", port: 5_672, targetPort: 5_672, protocol: "TCP", appProtocol: "tcp" },
  { name: "management", port: 15_672, targetPort: 15_672, protocol: "TCP", appProtocol: "http" },
  { name: "prometheus", port: 15_692, targetPort: 15_692, protocol: "TCP", appProtocol: "http" },
]);

/** One node of the broker per machine: two on one would lose the majority together. */
const apart = Object.freeze({
  podAntiAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: [{
      topologyKey: "kubernetes.io/hostname",
      labelSelector: { matchLabels: { "app.kubernetes.io/name": broker } },
    }],
  },
});

/** Lets a machine be drained while a majority of the nodes stays. */
export function brokerDisruptionBudget(): Manifest {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name: broker, namespace, labels: labelsOf(broker, "broker") },
    spec: { maxUnavailable: 1, selector: { matchLabels: { "app.kubernetes.io/name": broker } } },
  };
}
