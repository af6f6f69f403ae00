import { z } from "zod";
import { ConfigError } from "@mesh/base";

/** What this service is told beside what every service is told. */
export interface UsersConfig {
  /** File with the keys of access tokens; see `token_keys.ts`. */
  readonly tokenKeyFile: string;
  /** `iss` of access tokens. */
  readonly issuer: string;
  /** `aud` of access tokens. */
  readonly audience: string;
  /** `client_id` of access tokens. */
  readonly clientId: string;
  /** File with accounts that are to exist; absent means none. */
  readonly seedFile?: string;
}

/** Environment variables that {@link usersConfig} reads; Deno's permission list is made from it. */
export const usersVariables: readonly string[] = [
  "USERS_TOKEN_KEY_FILE",
  "USERS_SEED_FILE",
  "USERS_CLIENT_ID",
  "ACCESS_TOKEN_ISSUER",
  "ACCESS_TOKEN_AUDIENCE",
];

/**
 * Reads the service's own configuration from the environment.
 *
 * @param env Reads one variable; an empty one counts as absent.
 * @throws {ConfigError} With every fault at once; values are not repeated.
 */
export function usersConfig(env: (name: string) => string | undefined): UsersConfig {
  const read = schema.safeParse(Object.fromEntries(usersVariables.map((name) => [name, env(name) || undefined])));
  if (!read.success) {
    const faults = read.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
    throw new ConfigError(`Cannot start: the environment is wrong: ${faults.join("; ")}`);
  }
  const { USERS_TOKEN_KEY_FILE, USERS_SEED_FILE, USERS_CLIENT_ID, ACCESS_TOKEN_ISSUER, ACCESS_TOKEN_AUDIENCE } =
    read.data;
  return {
    tokenKeyFile: USERS_TOKEN_KEY_FILE,
    issuer: ACCESS_TOKEN_ISSUER,
    audience: ACCESS_TOKEN_AUDIENCE,
    clientId: USERS_CLIENT_ID,
    ...(USERS_SEED_FILE === undefined ? {} : { seedFile: USERS_SEED_FILE }),
  };
}

const Named = z.string("must be given").min(1).max(200).regex(/^\S+$/, "must not hold spaces");

const schema = z.object({
  USERS_TOKEN_KEY_FILE: z.string("must be given").min(1),
  USERS_SEED_FILE: z.string().optional(),
  USERS_CLIENT_ID: z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, "must be lower-case letters, digits and -")
    .default("storefront"),
  ACCESS_TOKEN_ISSUER: Named,
  ACCESS_TOKEN_AUDIENCE: Named,
});
