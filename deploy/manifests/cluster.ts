/**
 * Names that the manifests share: what one of them says, another one relies on.
 *
 * @module
 */

/** Namespace of everything. */
export const namespace = "jangteo";
/** Namespace of RabbitMQ's operators. */
export const operatorsNamespace = "rabbitmq-system";
/** Namespace of the Prometheus that may read metrics. */
export const monitoringNamespace = "monitoring";
/** Trust domain of the mesh. */
export const trustDomain = "cluster.local";
/** Name of the broker: of its RabbitmqCluster, its Service, and its Istio policies. */
export const broker = "rabbitmq";
/** Name of the Gateway that customers reach. */
export const storefront = "storefront";
/** Account that the Gateway's pods run under; its controller makes it as `<gateway>-<class>`. */
export const storefrontAccount = `${storefront}-istio`;
/** Name of the process that stands for all parties outside the shop. */
export const simulators = "simulators";
/** Name of the job that makes databases and roles where no operator does. */
export const databasesJob = "provision-databases";
/** Config map with the variables of all services. */
export const settingsMap = "settings";
/** Config map with the emit policy. */
export const policyMap = "emit-policy";
/** Config map with everybody's public keys, one file each; made together with the private ones. */
export const publicKeysMap = "public-keys";
/** The user of Google's distroless images. */
export const nonRootUser = 65_532;

/** Accounts in other namespaces that may call in; their owners make them. */
export const foreignAccounts = Object.freeze({
  topologyOperator: principal("messaging-topology-operator", operatorsNamespace),
  clusterOperator: principal("rabbitmq-cluster-operator", operatorsNamespace),
  prometheus: principal("prometheus", monitoringNamespace),
});

/** The name that Istio proves of a pod that runs under an account. */
export function principal(account: string, inNamespace: string = namespace): string {
  return `${trustDomain}/ns/${inNamespace}/sa/${account}`;
}

/** Account of the job that migrates a service's database. */
export function migrationAccount(service: string): string {
  return `${service}-migrate`;
}

/** Name under which a service finds its database; every service has its own, so that each can move alone. */
export function databaseHost(service: string): string {
  return `${service}-db`;
}

/** Name of a Service for whoever is outside the namespace, and for Istio. */
export function fullHost(name: string): string {
  return `${name}.${namespace}.svc.${trustDomain}`;
}

/** Labels of everything that belongs to a component. */
export function labelsOf(name: string, component: Component): Record<string, string> {
  return { ...selectorOf(name), "app.kubernetes.io/component": component };
}

/** What pods of a component are found by; never changes, because it cannot. */
export function selectorOf(name: string): Record<string, string> {
  return { "app.kubernetes.io/name": name, "app.kubernetes.io/part-of": namespace };
}

/** What a pod is for. */
export type Component = "service" | "migration" | "database" | "broker" | "simulator" | "edge" | "mesh";

/** One object of Kubernetes. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}
