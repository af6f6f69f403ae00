import { ConfigError } from "@mesh/base";
import { z } from "zod";
import { defaultSettings, type RuntimeSettings } from "./settings.ts";

/** What every service is told from outside. */
export interface RuntimeConfig {
  readonly amqpUrl: string;
  readonly postgresUrl: string;
  /** File with the service's private JWK. */
  readonly signingKeyFile: string;
  /** Folder with the public keys of all services, `<service>.jwks.json`. */
  readonly keysFolder: string;
  /** File with the emit policy, generated from the contracts. */
  readonly policyFile: string;
  /** Base URLs of the other services' internal ports. */
  readonly peers: Readonly<Record<string, string>>;
  readonly internalHost: string;
  /** 0 to 65535; 0 takes a free one. */
  readonly internalPort: number;
  /** Mailbox partitions of this service; 1 to 64. */
  readonly partitions: number;
  /** Replicas of this service and the place of this one among them, from 0. */
  readonly replicas: number;
  readonly ordinal: number;
  readonly settings: RuntimeSettings;
  /** Where access tokens come from; operator routes answer 401 without it. */
  readonly accessTokens?: { readonly issuer: string; readonly audience: string; readonly jwksUrl: string };
  /** Whether spans are made; follows `OTEL_DENO`. */
  readonly isTraced: boolean;
}

/**
 * Reads the configuration that all services share from the environment.
 *
 * @param env Reads one variable; see the table in the README.
 * @returns The configuration, with defaults filled in.
 * @throws {ConfigError} With every fault at once; values that may be secret are not repeated.
 */
export function runtimeConfig(env: (name: string) => string | undefined): RuntimeConfig {
  const result = schema.safeParse(Object.fromEntries(runtimeVariables.map((name) => [name, env(name)])));
  if (!result.success) {
    const faults = result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
    throw new ConfigError(`Cannot start: the environment is wrong: ${faults.join("; ")}`, { cause: result.error });
  }
  const read = result.data;
  const { ACCESS_TOKEN_ISSUER: issuer, ACCESS_TOKEN_AUDIENCE: audience, ACCESS_TOKEN_JWKS_URL: jwksUrl } = read;
  return {
    amqpUrl: read.MESH_AMQP_URL,
    postgresUrl: read.MESH_POSTGRES_URL,
    signingKeyFile: read.MESH_SIGNING_KEY_FILE,
    keysFolder: read.MESH_KEYS_FOLDER,
    policyFile: read.MESH_POLICY_FILE,
    peers: read.MESH_PEERS,
    internalHost: read.MESH_INTERNAL_HOST,
    internalPort: read.MESH_INTERNAL_PORT,
    partitions: read.MESH_PARTITIONS,
    replicas: read.MESH_REPLICAS,
    ordinal: read.MESH_ORDINAL,
    settings: { ...defaultSettings, ...read.MESH_SETTINGS },
    ...(issuer !== undefined && audience !== undefined && jwksUrl !== undefined
      ? { accessTokens: { issuer, audience, jwksUrl } }
      : {}),
    isTraced: read.OTEL_DENO === "true" || read.OTEL_DENO === "1",
  };
}

/** Environment variables that {@link runtimeConfig} reads; Deno's permission lists are made from it. */
export const runtimeVariables: readonly string[] = [
  "MESH_AMQP_URL",
  "MESH_POSTGRES_URL",
  "MESH_SIGNING_KEY_FILE",
  "MESH_KEYS_FOLDER",
  "MESH_POLICY_FILE",
  "MESH_PEERS",
  "MESH_INTERNAL_HOST",
  "MESH_INTERNAL_PORT",
  "MESH_PARTITIONS",
  "MESH_REPLICAS",
  "MESH_ORDINAL",
  "MESH_SETTINGS",
  "ACCESS_TOKEN_ISSUER",
  "ACCESS_TOKEN_AUDIENCE",
  "ACCESS_TOKEN_JWKS_URL",
  "OTEL_DENO",
  "LOG_LEVEL",
  "LOG_FORMAT",
];

/** `orders=http://127.0.0.1:9103,users=http://127.0.0.1:9101`. */
const peers = z.string().default("").transform((text, context) => {
  const entries = text.split(",").map((entry) => entry.trim()).filter((entry) => entry !== "");
  return Object.fromEntries(entries.map((entry) => {
    const at = entry.indexOf("=");
    const url = entry.slice(at + 1);
    if (at < 1 || !URL.canParse(url)) {
      context.addIssue({ code: "custom", message: `"${entry}" is not <service>=<url>` });
    }
    return [entry.slice(0, at), url];
  }));
});

const positive = z.int().min(1);
/** 0 switches off. */
const natural = z.int().min(0);
const settingsSchema = z.strictObject({
  ...Object.fromEntries(
    Object.keys(defaultSettings).filter((name) => name !== "tiersMs").map((name) => [name, positive.optional()]),
  ),
  gatherMs: natural.optional(),
  restPercent: natural.optional(),
  tiersMs: z.array(positive).min(1).max(8).optional(),
});

/** A JSON object that replaces single defaults. */
const settings = z.string().default("{}").transform((text, context): Partial<RuntimeSettings> => {
  try {
    return settingsSchema.parse(JSON.parse(text)) as Partial<RuntimeSettings>;
  } catch (error) {
    context.addIssue({ code: "custom", message: `is no object of settings: ${String(error)}` });
    return {};
  }
});

const schema = z.object({
  MESH_AMQP_URL: z.string().regex(/^amqps?:\/\//, "must be an amqp:// or amqps:// URL"),
  MESH_POSTGRES_URL: z.string().regex(/^postgres(ql)?:\/\//, "must be a postgres:// URL"),
  MESH_SIGNING_KEY_FILE: z.string().min(1),
  MESH_KEYS_FOLDER: z.string().min(1),
  MESH_POLICY_FILE: z.string().min(1),
  MESH_PEERS: peers,
  MESH_INTERNAL_HOST: z.string().default("127.0.0.1"),
  MESH_INTERNAL_PORT: z.coerce.number().int().min(0).max(65_535),
  MESH_PARTITIONS: z.coerce.number().int().min(1).max(64).default(1),
  MESH_REPLICAS: z.coerce.number().int().min(1).max(64).default(1),
  MESH_ORDINAL: z.coerce.number().int().min(0).max(63).default(0),
  MESH_SETTINGS: settings,
  ACCESS_TOKEN_ISSUER: z.string().optional(),
  ACCESS_TOKEN_AUDIENCE: z.string().optional(),
  ACCESS_TOKEN_JWKS_URL: z.url().optional(),
  OTEL_DENO: z.string().optional(),
});
