import type { ServiceDefinition } from "@mesh/contract";
import { labelsOf, type Manifest, namespace, storefront } from "./cluster.ts";
import type { Installation } from "./installation.ts";

/** Requests that need no access token. */
export interface PublicRequests {
  readonly methods: readonly string[];
  /** `*` stands for anything, at the end only. */
  readonly paths: readonly string[];
}

/** What anybody may ask: the routes that the gateway itself declares public. A test compares both. */
export const publicRequests: readonly PublicRequests[] = Object.freeze([
  {
    methods: ["GET", "HEAD"],
    paths: [
      "/",
      "/.well-known/jwks.json",
      "/.well-known/mesh-jwks.json",
      "/docs",
      "/docs/*",
      "/health/live",
      "/health/ready",
      "/openapi.json",
      "/v1/products",
      "/v1/products/*",
    ],
  },
  { methods: ["POST"], paths: ["/v1/accounts", "/v1/sessions", "/v1/sessions/refresh"] },
  { methods: ["DELETE"], paths: ["/v1/sessions"] },
  // What browsers ask before they send a token.
  { methods: ["OPTIONS"], paths: ["/*"] },
]);

const gatewayApi = "gateway.networking.k8s.io";
const target = Object.freeze({ group: gatewayApi, kind: "Gateway", name: storefront });

/** The door: a Gateway, its routes, and who may pass it. */
export function edgeObjects(gateway: ServiceDefinition, installation: Installation): readonly Manifest[] {
  return [
    door(installation),
    ...routes(gateway, installation),
    tokensOf(installation),
    passage(installation),
  ];
}

function door({ publicHost }: Installation): Manifest {
  const allowedRoutes = { namespaces: { from: "Same" } };
  const plain = { name: "http", protocol: "HTTP", port: 80, allowedRoutes };
  const encrypted = {
    name: "https",
    protocol: "HTTPS",
    port: 443,
    hostname: publicHost,
    tls: { mode: "Terminate", certificateRefs: [{ kind: "Secret", name: `${storefront}-tls` }] },
    allowedRoutes,
  };
  return {
    apiVersion: `${gatewayApi}/v1`,
    kind: "Gateway",
    metadata: { name: storefront, namespace, labels: labelsOf(storefront, "edge") },
    spec: { gatewayClassName: "istio", listeners: publicHost === undefined ? [plain] : [plain, encrypted] },
  };
}

/** 15 s: the gateway's own limit is 10 s, so that it is the one that answers. */
const requestTimeout = "15s";

/** Routes by prefix alone: Istio tries prefixes before expressions, so one for the streams would never be asked. */
function routes({ name, publicPort }: ServiceDefinition, { publicHost }: Installation): readonly Manifest[] {
  const hostnames = publicHost === undefined ? {} : { hostnames: [publicHost] };
  const backendRefs = [{ kind: "Service", name, port: publicPort }];
  const route = (routeName: string, sectionName: string, rules: readonly unknown[]): Manifest => ({
    apiVersion: `${gatewayApi}/v1`,
    kind: "HTTPRoute",
    metadata: { name: routeName, namespace, labels: labelsOf(storefront, "edge") },
    spec: { parentRefs: [{ ...target, sectionName }], ...hostnames, rules },
  });
  const shop = [
    {
      name: "streams",
      // Progress of orders is a stream that lasts as long as its token; the gateway limits the other reads there itself.
      matches: [{ path: { type: "PathPrefix", value: "/v1/orders" }, method: "GET" }],
      backendRefs,
      timeouts: { request: "0s" },
    },
    {
      name: "everything-else",
      matches: [{ path: { type: "PathPrefix", value: "/" } }],
      backendRefs,
      timeouts: { request: requestTimeout },
    },
  ];
  if (publicHost === undefined) return [route(storefront, "http", shop)];
  const toHttps = {
    matches: [{ path: { type: "PathPrefix", value: "/" } }],
    filters: [{ type: "RequestRedirect", requestRedirect: { scheme: "https", statusCode: 301 } }],
  };
  return [route(storefront, "https", shop), route(`${storefront}-to-https`, "http", [toHttps])];
}

/** A token that is there must be good; the gateway checks it again, with its type and scope. */
function tokensOf({ settings, jwksUrl }: Installation): Manifest {
  return {
    apiVersion: "security.istio.io/v1",
    kind: "RequestAuthentication",
    metadata: { name: storefront, namespace, labels: labelsOf(storefront, "edge") },
    spec: {
      targetRefs: [target],
      jwtRules: [{
        issuer: settings.ACCESS_TOKEN_ISSUER,
        audiences: [settings.ACCESS_TOKEN_AUDIENCE],
        // Asked for by the control plane, which is not of the mesh: so through the door, like anybody.
        jwksUri: jwksUrl,
        forwardOriginalToken: true,
      }],
    },
  };
}

/** Without a token only what is public. */
function passage({ settings }: Installation): Manifest {
  return {
    apiVersion: "security.istio.io/v1",
    kind: "AuthorizationPolicy",
    metadata: { name: storefront, namespace, labels: labelsOf(storefront, "edge") },
    spec: {
      targetRefs: [target],
      action: "ALLOW",
      rules: [
        { to: publicRequests.map(({ methods, paths }) => ({ operation: { methods, paths } })) },
        { from: [{ source: { requestPrincipals: [`${settings.ACCESS_TOKEN_ISSUER}/*`] } }] },
      ],
    },
  };
}
