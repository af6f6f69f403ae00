import { hasMailbox, type ServiceDefinition } from "@mesh/contract";
import { telemetryVariables, variablesOf } from "../permissions.ts";
import { processVariables } from "../process_variables.ts";
import { peersOf, serviceNamed, vhost } from "../topology.ts";
import { broker, databaseHost, settingsMap } from "./cluster.ts";
import { dev } from "./installation.ts";
import {
  brokerSecret,
  databaseSecret,
  keyFiles,
  seedFile,
  seedVariable,
  signingKeyFile,
  smtpSecret,
} from "./secret_names.ts";

/** Where the value of a variable comes from. */
export type Source =
  | { readonly value: string }
  | { readonly secret: string; readonly key: string; readonly isOptional: boolean }
  | { readonly setting: string; readonly isOptional: boolean }
  | { readonly field: string };

/** One variable of a container. */
export interface Variable {
  readonly name: string;
  readonly source: Source;
}

/** What a service's variables depend on besides its contract. */
export interface VariableOptions {
  readonly external: Readonly<Record<string, string>>;
  readonly hasSeedAccounts: boolean;
}

/** Folders in a service's container. */
export const folders = Object.freeze({
  keys: "/run/jangteo/keys",
  publicKeys: "/run/jangteo/public-keys",
  policy: "/run/jangteo/policy",
});

/** Name of the policy's file in its folder. */
export const policyFile = "emit-policy.json";

/** Where a peer's internal port is, in a cluster and in compose alike. */
export function internalUrl(service: string): string {
  return `http://${service}:${serviceNamed(service).internalPort}`;
}

/**
 * The variables of a service's container, in an order in which each is known before another one refers to it.
 *
 * Passwords come in variables of their own, which the URLs refer to as `$(NAME)`; the service may not read them itself.
 * Every variable that the contract lists and that is not set here can be set for all services in the config map.
 */
export function serviceVariables(service: ServiceDefinition, options: VariableOptions): readonly Variable[] {
  const { name, variables = [] } = service;
  const secrets: readonly Variable[] = [
    { name: "BROKER_PASSWORD", source: fromSecret(brokerSecret(name), "password") },
    { name: "DATABASE_PASSWORD", source: fromSecret(databaseSecret(name), "password") },
    ...(usesSmtp(service)
      ? [
        { name: "SMTP_USER", source: fromSecret(smtpSecret, "username", true) },
        { name: "SMTP_PASSWORD", source: fromSecret(smtpSecret, "password", true) },
      ]
      : []),
  ];
  const fixed: readonly Variable[] = [
    ...Object.entries(addressVariables(service, options.external)),
    ...Object.entries(keyFiles).filter(([variable]) => variables.includes(variable))
      .map(([variable, file]) => [variable, `${folders.keys}/${file}`] as const),
    ...(options.hasSeedAccounts && variables.includes(seedVariable)
      ? [[seedVariable, `${folders.keys}/${seedFile}`] as const]
      : []),
  ].map(([variable, value]) => ({ name: variable, source: { value } }));
  const ordinal: readonly Variable[] = hasMailbox(service)
    ? [{ name: "MESH_ORDINAL", source: { field: "metadata.labels['apps.kubernetes.io/pod-index']" } }]
    : [];
  return [...secrets, ...fixed, ...ordinal, ...settingsOf(service, [...fixed, ...ordinal])];
}

/**
 * The variables of which the values are known when manifests are made; permissions follow from them.
 *
 * @param files Folders with the service's files, where they are not those of its container in a cluster.
 */
export function addressVariables(
  service: ServiceDefinition,
  external: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const { name } = service;
  return {
    DENO_NO_UPDATE_CHECK: "1",
    NO_COLOR: "1",
    ...processVariables(service),
    MESH_AMQP_URL: `amqp://${name}:$(BROKER_PASSWORD)@${broker}:5672/${vhost}`,
    MESH_POSTGRES_URL: `postgres://${name}:$(DATABASE_PASSWORD)@${databaseHost(name)}:5432/${name}`,
    MESH_SIGNING_KEY_FILE: `${folders.keys}/${signingKeyFile}`,
    MESH_KEYS_FOLDER: folders.publicKeys,
    MESH_POLICY_FILE: `${folders.policy}/${policyFile}`,
    MESH_PEERS: peersOf(service).map((peer) => `${peer}=${internalUrl(peer)}`).join(","),
    MESH_INTERNAL_HOST: "0.0.0.0",
    MESH_INTERNAL_PORT: String(service.internalPort),
    ACCESS_TOKEN_JWKS_URL: `${internalUrl("users")}/.well-known/jwks.json`,
    ...(service.publicPort === undefined ? {} : { GATEWAY_HOST: "0.0.0.0", GATEWAY_PORT: String(service.publicPort) }),
    ...Object.fromEntries((service.external ?? []).map(({ urlVariable }) => [urlVariable, external[urlVariable]!])),
  };
}

/** The values among variables, for whatever has to be worked out from them. */
export function valuesOf(variables: readonly Variable[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    variables.flatMap(({ name, source }) => "value" in source ? [[name, source.value]] : []),
  );
}

/** A variable as a container of Kubernetes lists it. */
export function envEntry({ name, source }: Variable): Readonly<Record<string, unknown>> {
  if ("value" in source) return { name, value: source.value };
  if ("field" in source) return { name, valueFrom: { fieldRef: { fieldPath: source.field } } };
  const optional = source.isOptional ? { optional: true } : {};
  if ("setting" in source) {
    return { name, valueFrom: { configMapKeyRef: { name: settingsMap, key: source.setting, ...optional } } };
  }
  return { name, valueFrom: { secretKeyRef: { name: source.secret, key: source.key, ...optional } } };
}

function settingsOf(service: ServiceDefinition, others: readonly Variable[]): readonly Variable[] {
  const taken = new Set([...others.map(({ name }) => name), ...Object.keys(keyFiles), seedVariable, "MESH_ORDINAL"]);
  return [...variablesOf(service), ...telemetryVariables]
    .filter((name, index, all) => !taken.has(name) && all.indexOf(name) === index)
    .map((name) => ({ name, source: { setting: name, isOptional: dev.settings[name] === undefined } }));
}

function usesSmtp({ external = [] }: ServiceDefinition): boolean {
  return external.some(({ urlVariable }) => urlVariable === "SMTP_URL");
}

function fromSecret(secret: string, key: string, isOptional = false): Source {
  return { secret, key, isOptional };
}
