import { ConfigError } from "@mesh/base";
import { findBrokerBinaries, findPostgresBinaries } from "./binaries.ts";
import { defaultImages, hasImage } from "./containers.ts";

/** A server that can be asked for. */
export type Want = "rabbitmq" | "postgres";

/** Where servers come from; `auto` tries them in the order external, local, containers, packages. */
export type InfraMode = "auto" | "local" | "containers" | "external";

/** How one server is provided. */
export type Source = "external" | "local" | "container";

/** What the decision depends on. */
export interface SourceSetting {
  readonly mode: InfraMode;
  readonly env: Readonly<Record<string, string>>;
  /** Folder with another system to take the broker from. */
  readonly binariesFrom?: string | undefined;
}

/**
 * Decides where a server comes from, without starting or installing anything.
 *
 * @returns `undefined` where the distribution's packages would have to be installed first.
 * @throws {ConfigError} If the environment names a server by half, or a forced provider lacks what it needs.
 */
export async function findSource(want: Want, setting: SourceSetting): Promise<Source | undefined> {
  const { mode, env, binariesFrom } = setting;
  const variables = want === "rabbitmq" ? ["MESH_AMQP_URL", "MESH_RABBITMQ_MANAGEMENT_URL"] : ["MESH_POSTGRES_URL"];
  const absent = variables.filter((name) => !env[name]);
  if (mode === "external" || mode === "auto") {
    if (absent.length === 0) return "external";
    if (mode === "external" || absent.length < variables.length) {
      throw new ConfigError(`Cannot use the ${want} of the environment: ${absent.join(" and ")} not set`);
    }
  }
  if (mode !== "containers") {
    const binaries = want === "rabbitmq" ? findBrokerBinaries(binariesFrom) : findPostgresBinaries();
    if (binaries !== undefined) return "local";
  }
  if (mode === "local") return undefined;
  if (await hasImage(imageOf(want, env))) return "container";
  if (mode === "containers") {
    throw new ConfigError(`Cannot use containers for ${want}: no engine answers, or it lacks ${imageOf(want, env)}`);
  }
  return undefined;
}

/**
 * Reads `MESH_INFRA`.
 *
 * @throws {ConfigError} If it is none of the four words.
 */
export function modeFromEnv(env: Readonly<Record<string, string>>): InfraMode {
  const mode = env.MESH_INFRA || "auto";
  if (!["auto", "local", "containers", "external"].includes(mode)) {
    throw new ConfigError(`Cannot provide servers: MESH_INFRA is "${mode}", not auto, local, containers or external`);
  }
  return mode as InfraMode;
}

/** Names the image of a server: `MESH_RABBITMQ_IMAGE`, `MESH_POSTGRES_IMAGE`, or the default. */
export function imageOf(want: Want, env: Readonly<Record<string, string>>): string {
  return env[want === "rabbitmq" ? "MESH_RABBITMQ_IMAGE" : "MESH_POSTGRES_IMAGE"] || defaultImages[want];
}
