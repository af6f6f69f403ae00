import type { ServiceDefinition } from "@mesh/contract";
import { publicKeysMap } from "./cluster.ts";

/** Password of a service's broker user, with its name: `username`, `password`. */
export function brokerSecret(service: string): string {
  return `${service}-broker`;
}

/** Password of the role that a service logs in to its database as: `password`. */
export function databaseSecret(service: string): string {
  return `${service}-database`;
}

/** Password of the role that owns a service's tables: `password`. Only its migration is given it. */
export function ownerSecret(service: string): string {
  return `${service}-database-owner`;
}

/** Private keys of a service, as files. */
export function keysSecret(service: string): string {
  return `${service}-keys`;
}

/** Login at the mail server, where it wants one: `username`, `password`. */
export const smtpSecret = "notifications-smtp";
/** Password of the database's administrator, where the shop runs the database itself: `password`. */
export const postgresAdminSecret = "postgres-admin";

/** File of a service's private signing key. */
export const signingKeyFile = "signing-key.json";
/** Further files that a service is given, by the variable that names them. */
export const keyFiles: Readonly<Record<string, string>> = Object.freeze({
  USERS_TOKEN_KEY_FILE: "token-keys.json",
  PAYMENT_PROVIDER_KEY_FILE: "payment-provider.key",
});
/** Variable and file of the accounts that are to exist. */
export const seedVariable = "USERS_SEED_FILE";
export const seedFile = "seed-accounts.json";

/** One secret (or the config map of public keys) that must exist before the shop starts. */
export interface WantedSecret {
  readonly kind: "Secret" | "ConfigMap";
  readonly name: string;
  /** What it must hold. */
  readonly keys: readonly string[];
}

/** What {@link wantedSecrets} depends on. */
export interface WantedOptions {
  readonly hasSeedAccounts: boolean;
  /** Whether the shop runs the database itself. */
  readonly hasPostgres: boolean;
  /** Whether the mail server wants a login. */
  readonly hasSmtpLogin: boolean;
}

/** Lists everything that is kept out of Git and must be made for an installation. */
export function wantedSecrets(
  services: readonly ServiceDefinition[],
  { hasSeedAccounts, hasPostgres, hasSmtpLogin }: WantedOptions,
): readonly WantedSecret[] {
  const secret = (name: string, keys: readonly string[]): WantedSecret => ({ kind: "Secret", name, keys });
  const ofServices = services.flatMap((service) => [
    secret(brokerSecret(service.name), ["username", "password"]),
    secret(databaseSecret(service.name), ["password"]),
    secret(ownerSecret(service.name), ["password"]),
    secret(keysSecret(service.name), filesOf(service, hasSeedAccounts)),
  ]);
  return [
    ...ofServices,
    ...(hasPostgres ? [secret(postgresAdminSecret, ["password"])] : []),
    ...(hasSmtpLogin ? [secret(smtpSecret, ["username", "password"])] : []),
    { kind: "ConfigMap", name: publicKeysMap, keys: services.map(({ name }) => `${name}.jwks.json`) },
  ];
}

function filesOf({ variables = [] }: ServiceDefinition, hasSeedAccounts: boolean): readonly string[] {
  return [
    signingKeyFile,
    ...variables.flatMap((variable) => keyFiles[variable] ?? []),
    ...(hasSeedAccounts && variables.includes(seedVariable) ? [seedFile] : []),
  ];
}
