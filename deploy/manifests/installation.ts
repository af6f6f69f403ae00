/** Everything in which one installation on Kubernetes differs from another. */
export interface Installation {
  /** Name of its overlays: `deploy/overlays/<name>` and `istio/overlays/<name>`. */
  readonly name: string;
  /** Replicas of each service that has a mailbox. */
  readonly replicas: number;
  /** Mailbox partitions of each service, 1 to 64; more replicas than partitions would idle. */
  readonly partitions: number;
  readonly broker: BrokerSize;
  /** Pods that serve the databases. */
  readonly databaseSelector: Readonly<Record<string, string>>;
  /** Addresses of the parties outside, by the variable that names them; `$(NAME)` stands for a secret of the container. */
  readonly external: Readonly<Record<string, string>>;
  /** Whether the external parties are the simulators, run beside the shop. */
  readonly hasSimulators: boolean;
  /** Whether `users` is given a file with accounts that are to exist. */
  readonly hasSeedAccounts: boolean;
  readonly images: { readonly prefix: string; readonly tag: string };
  /** Host name that customers use; absent where any will do. */
  readonly publicHost?: string;
  /** Where the keys of access tokens can be fetched from without a certificate of the mesh. */
  readonly jwksUrl: string;
  /** Variables of services, for all of them: the config map `settings`. */
  readonly settings: Readonly<Record<string, string>>;
}

/** How large the broker is. */
export interface BrokerSize {
  readonly nodes: number;
  /** Kubernetes quantities. */
  readonly storage: string;
  readonly memory: string;
  readonly cpu: string;
}

/** Where the simulators stand, in a development cluster and in compose alike. */
export const simulatorAddresses: Readonly<Record<string, string>> = Object.freeze({
  PAYMENT_PROVIDER_URL: "http://simulators:9201",
  CARRIER_URL: "http://simulators:9202",
  SMTP_URL: "smtp://simulators:9203",
});

/** One of everything, on a laptop: kind or minikube. */
export const dev: Installation = Object.freeze({
  name: "dev",
  replicas: 1,
  partitions: 1,
  broker: { nodes: 1, storage: "1Gi", memory: "1Gi", cpu: "500m" },
  databaseSelector: { "app.kubernetes.io/name": "postgres" },
  external: simulatorAddresses,
  hasSimulators: true,
  hasSeedAccounts: true,
  images: { prefix: "jangteo/", tag: "dev" },
  jwksUrl: "http://storefront-istio.jangteo.svc.cluster.local/.well-known/jwks.json",
  settings: {
    ACCESS_TOKEN_AUDIENCE: "jangteo",
    ACCESS_TOKEN_ISSUER: "http://users.jangteo.test",
    GATEWAY_PROXY_HOPS: "1",
    LOG_FORMAT: "json",
    LOG_LEVEL: "info",
    MAIL_FROM: "Jangteo <orders@jangteo.test>",
    MESH_PARTITIONS: "1",
    MESH_REPLICAS: "1",
    MESH_SETTINGS: "{}",
    SAGA_LIMITS: "{}",
  },
});

/**
 * Three nodes of the broker, eight partitions, two replicas, a database that an operator runs, and parties that are real.
 * Names under example.com are to be replaced; everything that follows from them is then generated again.
 */
export const prod: Installation = Object.freeze({
  name: "prod",
  replicas: 2,
  partitions: 8,
  broker: { nodes: 3, storage: "50Gi", memory: "4Gi", cpu: "2" },
  databaseSelector: { "cnpg.io/cluster": "postgres", "cnpg.io/instanceRole": "primary" },
  external: {
    PAYMENT_PROVIDER_URL: "https://api.stripe.com",
    CARRIER_URL: "https://carrier.example.com",
    SMTP_URL: "smtps://$(SMTP_USER):$(SMTP_PASSWORD)@smtp.example.com:465",
  },
  hasSimulators: false,
  hasSeedAccounts: false,
  images: { prefix: "registry.example.com/jangteo/", tag: "0.1.0" },
  publicHost: "shop.example.com",
  jwksUrl: "https://shop.example.com/.well-known/jwks.json",
  settings: {
    ACCESS_TOKEN_AUDIENCE: "jangteo",
    ACCESS_TOKEN_ISSUER: "https://shop.example.com",
    GATEWAY_PROXY_HOPS: "1",
    LOG_FORMAT: "json",
    LOG_LEVEL: "info",
    MAIL_FROM: "Jangteo <orders@shop.example.com>",
    MESH_PARTITIONS: "8",
    MESH_REPLICAS: "2",
    MESH_SETTINGS: "{}",
    SAGA_LIMITS: "{}",
  },
});

/** The installations that have overlays. */
export const installations: readonly Installation[] = Object.freeze([dev, prod]);
