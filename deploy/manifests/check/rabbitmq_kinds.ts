import { z } from "zod";

/** Names of resources and of hosts (RFC 1123). */
const ResourceName = z.string().max(253).regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/);
const Reference = z.strictObject({ name: ResourceName });
const Expression = z.string().refine(isExpression, "is no regular expression");
/** A misspelt argument is one that the broker ignores, so all that are used are named. */
const QueueArguments = z.strictObject({ "x-single-active-consumer": z.literal(true) });
const PolicyDefinition = z.strictObject({
  overflow: z.literal("reject-publish"),
  "delivery-limit": z.int().min(1).optional(),
  "message-ttl": z.int().min(1).optional(),
  "dead-letter-exchange": z.string().optional(),
  "dead-letter-routing-key": z.string().optional(),
  "dead-letter-strategy": z.literal("at-least-once").optional(),
});
const Port = z.int().min(1).max(65_535);

const metadata = z.strictObject({
  name: ResourceName,
  namespace: ResourceName,
  labels: z.record(z.string(), z.string().max(63)).optional(),
});

function kind<Name extends string, Spec extends z.ZodType>(name: Name, spec: Spec) {
  return z.strictObject({ apiVersion: z.literal("rabbitmq.com/v1beta1"), kind: z.literal(name), metadata, spec });
}

/** A thing inside the broker. */
function part<Name extends string, Shape extends z.ZodRawShape>(name: Name, shape: Shape) {
  return kind(name, z.strictObject({ ...shape, rabbitmqClusterReference: Reference }));
}

const ServicePort = z.strictObject({
  name: z.string(),
  port: Port,
  targetPort: Port,
  protocol: z.literal("TCP"),
  appProtocol: z.enum(["tcp", "http"]),
});

const AntiAffinity = z.strictObject({
  topologyKey: z.string(),
  labelSelector: z.strictObject({ matchLabels: z.record(z.string(), z.string()) }),
});

const Quantities = z.record(z.enum(["cpu", "memory"]), z.string().regex(/^[0-9]+(m|Mi|Gi)?$/).optional());

const cluster = kind(
  "RabbitmqCluster",
  z.strictObject({
    // An even number of nodes survives no more failures than one fewer.
    replicas: z.int().min(1).refine((count) => count % 2 === 1, "must be odd"),
    image: z.string(),
    persistence: z.strictObject({ storage: z.string().regex(/^[0-9]+Gi$/) }),
    resources: z.strictObject({ requests: Quantities, limits: Quantities }),
    terminationGracePeriodSeconds: z.int().min(0),
    rabbitmq: z.strictObject({ additionalConfig: z.string() }),
    affinity: z.strictObject({
      podAntiAffinity: z.strictObject({ requiredDuringSchedulingIgnoredDuringExecution: z.array(AntiAffinity) }),
    }).optional(),
    override: z.strictObject({
      service: z.strictObject({ spec: z.strictObject({ ports: z.array(ServicePort) }) }),
      statefulSet: z.strictObject({
        spec: z.strictObject({
          template: z.strictObject({
            metadata: z.strictObject({ annotations: z.record(z.string(), z.string()) }),
            spec: z.strictObject({ containers: z.tuple([]) }),
          }),
        }),
      }),
    }),
  }),
);

/**
 * The kinds of RabbitMQ's operators, as far as they are used: Cluster Operator 2.22, Messaging Topology Operator 1.20.
 * No package describes them.
 */
export const rabbitmqKinds = Object.freeze({
  RabbitmqCluster: cluster,
  Vhost: part("Vhost", {
    name: z.string(),
    defaultQueueType: z.enum(["quorum", "classic", "stream"]),
    deletionPolicy: z.enum(["delete", "retain"]),
  }),
  Exchange: part("Exchange", {
    name: z.string(),
    vhost: z.string(),
    type: z.literal("topic"),
    durable: z.literal(true),
    autoDelete: z.literal(false),
  }),
  Queue: part("Queue", {
    name: z.string(),
    vhost: z.string(),
    type: z.literal("quorum"),
    durable: z.literal(true),
    autoDelete: z.literal(false),
    deletionPolicy: z.literal("retain"),
    arguments: QueueArguments.optional(),
  }),
  Binding: part("Binding", {
    vhost: z.string(),
    source: z.string(),
    destination: z.string(),
    destinationType: z.enum(["exchange", "queue"]),
    routingKey: z.string(),
  }),
  Policy: part("Policy", {
    name: z.string(),
    vhost: z.string(),
    pattern: Expression,
    applyTo: z.enum(["queues", "classic_queues", "quorum_queues", "streams", "exchanges", "all"]),
    priority: z.int(),
    definition: PolicyDefinition,
  }),
  User: part("User", { importCredentialsSecret: Reference }),
  Permission: part("Permission", {
    vhost: z.string(),
    userReference: Reference,
    permissions: z.strictObject({ configure: Expression, write: Expression, read: Expression }),
  }),
  TopicPermission: part("TopicPermission", {
    vhost: z.string(),
    userReference: Reference,
    permissions: z.strictObject({ exchange: z.string(), write: Expression, read: Expression }),
  }),
});

function isExpression(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}
