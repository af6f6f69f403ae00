import { deepStrictEqual as assertEquals, ok } from "node:assert/strict";
import { checkManifests, checkSchemas, dev, type Installation, type Manifest, prod } from "@jangteo/deploy/manifests";
import { changed, type Loose, rendered } from "./repository.ts";

/** A mistake that somebody could make, and the rule that has to notice it. */
interface Fault {
  readonly what: string;
  readonly object: string;
  readonly rule: string;
  readonly seed: (manifest: Loose) => void;
  readonly installation?: Installation;
}

const container = (manifest: Loose): Loose => manifest.spec.template.spec.containers[0];

const faults: readonly Fault[] = [
  {
    what: "a principal that nobody is",
    object: "AuthorizationPolicy gateway-to-users",
    rule: "principal-exists",
    seed: ({ spec }) => spec.rules[0].from[0].source.principals = ["cluster.local/ns/jangteo/sa/gatewey"],
  },
  {
    what: "a principal of another namespace",
    object: "AuthorizationPolicy gateway-to-users",
    rule: "principal-exists",
    seed: ({ spec }) => spec.rules[0].from[0].source.principals = ["cluster.local/ns/default/sa/gateway"],
  },
  {
    what: "the account of somebody else",
    object: "AuthorizationPolicy shipping-to-users",
    rule: "edges",
    seed: ({ spec }) => spec.rules[0].from[0].source.principals = ["cluster.local/ns/jangteo/sa/payments"],
  },
  {
    what: "an edge beside those of the contracts",
    object: "AuthorizationPolicy gateway-to-users",
    rule: "edges",
    seed: ({ spec }) => spec.rules[0].from[0].source.principals.push("cluster.local/ns/jangteo/sa/catalog"),
  },
  {
    what: "a wrong port",
    object: "AuthorizationPolicy gateway-to-users",
    rule: "edges",
    seed: ({ spec }) => spec.rules[0].to[0].operation.ports = ["9102"],
  },
  {
    what: "metrics opened to every request",
    object: "AuthorizationPolicy prometheus-to-users",
    rule: "edges",
    seed: ({ spec }) => delete spec.rules[0].to[0].operation.paths,
  },
  {
    what: "a rule without a principal",
    object: "AuthorizationPolicy gateway-to-users",
    rule: "policy-form",
    seed: ({ spec }) => delete spec.rules[0].from,
  },
  {
    what: "a rule that negates",
    object: "AuthorizationPolicy gateway-to-users",
    rule: "policy-form",
    seed: ({ spec }) => spec.rules[0].from[0].source = { notPrincipals: ["cluster.local/ns/jangteo/sa/orders"] },
  },
  {
    what: "a policy for every pod",
    object: "AuthorizationPolicy gateway-to-users",
    rule: "policy-form",
    seed: ({ spec }) => delete spec.selector,
  },
  {
    what: "an open default",
    object: "AuthorizationPolicy default-deny",
    rule: "closed-by-default",
    seed: (manifest) => manifest.spec = { rules: [{}] },
  },
  {
    what: "plain text allowed",
    object: "PeerAuthentication default",
    rule: "closed-by-default",
    seed: ({ spec }) => spec.mtls.mode = "PERMISSIVE",
  },
  {
    what: "an unknown field of Istio",
    object: "AuthorizationPolicy gateway-to-users",
    rule: "schema",
    seed: ({ spec }) => spec.rules[0].from[0].source = { principal: ["cluster.local/ns/jangteo/sa/gateway"] },
  },
  { what: "an unknown field", object: "StatefulSet orders", rule: "schema", seed: ({ spec }) => spec.replica = 2 },
  {
    what: "a field of the wrong type",
    object: "StatefulSet orders",
    rule: "schema",
    seed: ({ spec }) => spec.replicas = "two",
  },
  {
    what: "an unknown field of RabbitMQ's operators",
    object: "Queue orders-in-p0",
    rule: "schema",
    seed: ({ spec }) => spec.singleActiveConsumer = true,
  },
  {
    what: "a misspelt argument of a policy",
    object: "Policy orders-in",
    rule: "schema",
    seed: ({ spec }) => spec.definition["deliverylimit"] = 10,
  },
  {
    what: "a port without a protocol",
    object: "Service orders",
    rule: "port-protocol",
    seed: ({ spec }) => delete spec.ports[0].appProtocol,
  },
  {
    what: "a port with a nameless name",
    object: "Service orders",
    rule: "port-protocol",
    seed: ({ spec }) => spec.ports[0].name = "internal",
  },
  {
    what: "a protocol that no proxy knows",
    object: "Service orders-db",
    rule: "port-protocol",
    seed: ({ spec }) => spec.ports[0].appProtocol = "postgresql",
  },
  {
    what: "a Service that leads nowhere",
    object: "Service orders",
    rule: "service-pods",
    seed: ({ spec }) => spec.selector["app.kubernetes.io/name"] = "order",
  },
  {
    what: "a port that nobody listens on",
    object: "Service orders",
    rule: "service-pods",
    seed: ({ spec }) => spec.ports[0].targetPort = 9999,
  },
  {
    what: "a writable root",
    object: "StatefulSet orders",
    rule: "restricted",
    seed: (manifest) => container(manifest).securityContext.readOnlyRootFilesystem = false,
  },
  {
    what: "root in a job",
    object: "CronJob orders-migrate-daily",
    rule: "restricted",
    seed: ({ spec }) => spec.jobTemplate.spec.template.spec.securityContext.runAsNonRoot = false,
  },
  {
    what: "a capability",
    object: "StatefulSet orders",
    rule: "restricted",
    seed: (manifest) => container(manifest).securityContext.capabilities.add = ["NET_ADMIN"],
  },
  {
    what: "a folder of the machine",
    object: "StatefulSet orders",
    rule: "restricted",
    seed: ({ spec }) => spec.template.spec.volumes.push({ name: "machine", hostPath: { path: "/" } }),
  },
  {
    what: "a token of the cluster",
    object: "StatefulSet orders",
    rule: "restricted",
    seed: ({ spec }) => spec.template.spec.automountServiceAccountToken = true,
  },
  {
    what: "an image that may be anything",
    object: "StatefulSet orders",
    rule: "pinned-image",
    seed: (manifest) => container(manifest).image = "jangteo/orders:latest",
  },
  {
    what: "no bound of memory",
    object: "StatefulSet orders",
    rule: "bounded",
    seed: (manifest) => delete container(manifest).resources.limits,
  },
  {
    what: "no readiness",
    object: "StatefulSet orders",
    rule: "probes",
    seed: (manifest) => delete container(manifest).readinessProbe,
  },
  {
    what: "too little time to drain",
    object: "StatefulSet orders",
    rule: "drain",
    seed: ({ spec }) => spec.template.spec.terminationGracePeriodSeconds = 10,
  },
  {
    what: "more permissions than the contract needs",
    object: "StatefulSet orders",
    rule: "permissions",
    seed: (manifest) => container(manifest).args[7] = "--allow-net",
  },
  {
    what: "a permission to write",
    object: "StatefulSet orders",
    rule: "permissions",
    seed: (manifest) => container(manifest).args.splice(1, 0, "--allow-write"),
  },
  {
    what: "an address that is not among the permissions",
    object: "StatefulSet payments",
    rule: "permissions",
    seed: (manifest) =>
      container(manifest).env.find(({ name }: Loose) => name === "PAYMENT_PROVIDER_URL").value =
        "https://api.stripe.com",
  },
  {
    what: "a variable that no contract names",
    object: "StatefulSet orders",
    rule: "permissions",
    seed: (manifest) => container(manifest).env.push({ name: "MESH_DEBUG", value: "1" }),
  },
  {
    what: "a peer that is not there",
    object: "Service catalog",
    rule: "permissions",
    seed: ({ metadata }) => metadata.name = "catalogue",
  },
  {
    what: "a secret that nobody makes",
    object: "StatefulSet orders",
    rule: "references",
    seed: (manifest) => container(manifest).env[0].valueFrom.secretKeyRef.name = "order-broker",
  },
  {
    what: "a setting that nobody makes",
    object: "ConfigMap settings",
    rule: "references",
    seed: ({ data }) => delete data.ACCESS_TOKEN_ISSUER,
  },
  {
    what: "a reference to a variable further down",
    object: "StatefulSet notifications",
    rule: "variable-order",
    installation: prod,
    seed: (manifest) => container(manifest).env.reverse(),
  },
  {
    what: "another account",
    object: "StatefulSet orders",
    rule: "own-account",
    seed: ({ spec }) => spec.template.spec.serviceAccountName = "users",
  },
  {
    what: "an account that is not there",
    object: "ServiceAccount orders",
    rule: "own-account",
    seed: ({ metadata }) => metadata.name = "order",
  },
  {
    what: "other partitions than the broker has",
    object: "ConfigMap settings",
    rule: "settings",
    installation: prod,
    seed: ({ data }) => data.MESH_PARTITIONS = "4",
  },
  {
    what: "other replicas than the priorities are for",
    object: "StatefulSet orders",
    rule: "settings",
    installation: prod,
    seed: ({ spec }) => spec.replicas = 5,
  },
  {
    what: "a slot that leads to another service",
    object: "Binding orders-in-p7-from-orders-by-key-k07",
    rule: "slots",
    installation: prod,
    seed: ({ spec }) => spec.destination = "users.in.p7",
  },
  {
    what: "a slot twice and another not at all",
    object: "Binding orders-in-p7-from-orders-by-key-k07",
    rule: "slots",
    installation: prod,
    seed: ({ spec }) => spec.routingKey = "*.*.*.k08.#",
  },
  {
    what: "a binding to what is not there",
    object: "Queue orders-dead",
    rule: "topology",
    seed: ({ spec }) => spec.name = "order.dead",
  },
  {
    what: "a user without rights on topics",
    object: "TopicPermission orders-on-mesh-commands",
    rule: "rights",
    seed: ({ spec }) => spec.userReference.name = "users",
  },
  {
    what: "an open network",
    object: "NetworkPolicy default-deny",
    rule: "network-closed",
    seed: ({ spec }) => spec.ingress = [{}],
  },
  {
    what: "a network that lets a stranger in",
    object: "NetworkPolicy users",
    rule: "network-edges",
    seed: ({ spec }) =>
      spec.ingress[0].from.push({ podSelector: { matchLabels: { "app.kubernetes.io/name": "catalog" } } }),
  },
  {
    what: "a network that lets a caller out too little",
    object: "NetworkPolicy gateway",
    rule: "network-edges",
    seed: ({ spec }) => spec.egress = spec.egress.slice(0, 2),
  },
  {
    what: "tokens of another issuer",
    object: "RequestAuthentication storefront",
    rule: "tokens",
    seed: ({ spec }) => spec.jwtRules[0].issuer = "https://elsewhere.example",
  },
  {
    what: "a route to nobody",
    object: "HTTPRoute storefront",
    rule: "routes",
    seed: ({ spec }) => spec.rules[0].backendRefs[0].port = 80,
  },
  {
    what: "a route without a limit",
    object: "HTTPRoute storefront",
    rule: "routes",
    seed: ({ spec }) => delete spec.rules[1].timeouts,
  },
  {
    what: "another namespace",
    object: "Service orders",
    rule: "namespace",
    seed: ({ metadata }) => metadata.namespace = "default",
  },
];

for (const { what, object, rule, seed, installation = dev } of faults) {
  Deno.test(`${what} in ${object} is noticed`, () => {
    const rules = checkManifests(changed(installation, object, seed), installation).map((finding) => finding.rule);
    ok(rules.includes(rule), `want a finding of ${rule}, found ${rules.join() || "none"}`);
  });
}

Deno.test("an allowed edge that no policy names is noticed", () => {
  const manifests = rendered(dev).filter(({ metadata }) => metadata.name !== "gateway-to-users");
  assertEquals(checkManifests(manifests, dev).map(({ rule }) => rule), ["edges"]);
});

Deno.test("an edge that two policies allow is noticed", () => {
  const twin = rendered(dev).find(({ metadata }) => metadata.name === "gateway-to-users")!;
  const manifests = [...rendered(dev), { ...twin, metadata: { ...twin.metadata, name: "again" } }];
  assertEquals(checkManifests(manifests, dev).map(({ rule }) => rule), ["edges"]);
});

Deno.test("an unknown field is noticed wherever it stands in any kind of object", () => {
  // One object of each kind; maps with names of one's own may hold anything.
  const free = /(labels|annotations|matchLabels|selector|data|requests|limits)$/;
  const byKind = new Map(rendered(prod).map((manifest) => [`${manifest.apiVersion} ${manifest.kind}`, manifest]));
  const missed: string[] = [];
  let count = 0;
  for (const manifest of byKind.values()) {
    for (const path of objectsWithin(manifest)) {
      const copy = structuredClone(manifest) as Loose;
      path.reduce((inner, key) => inner[key], copy).unknownField = "x";
      count += 1;
      if (checkSchemas([copy as Manifest]).length === 0) missed.push(`${manifest.kind} ${path.join(".")}`);
    }
  }
  assertEquals(missed.filter((place) => !free.test(place)), []);
  ok(count > 300, `only ${count} places were tried`);
});

/** Paths of all objects within a value, its own included. */
function objectsWithin(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== "object" || value === null) return [];
  const inner = Object.entries(value).flatMap(([key, each]) => objectsWithin(each, [...path, key]));
  return Array.isArray(value) ? inner : [path, ...inner];
}
