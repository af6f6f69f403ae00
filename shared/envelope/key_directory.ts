import type { KeyObject } from "node:crypto";
import { type Clock, ConfigError, errorText, UnavailableError } from "@mesh/base";
import { type PublicJwk, publicKeyFromJwk } from "./public_key.ts";

/** Whether a key may sign new messages. A retired one stays known, because what it signed stays true. */
export type KeyStatus = "active" | "retired";

/** A public key with its owner. */
export interface KnownKey {
  readonly kid: string;
  /** The one service whose messages it may sign. */
  readonly service: string;
  readonly publicKey: KeyObject;
  readonly status: KeyStatus;
}

/** A JWK as published: readers that know nothing of the mesh (`jose`) ignore the last two members. */
export interface PublishedJwk extends PublicJwk {
  readonly use: "sig";
  readonly alg: "Ed25519";
  readonly mesh_service: string;
  readonly mesh_status: KeyStatus;
}

/** Finds the public keys of the mesh's services. */
export interface KeyDirectory {
  /** @returns The key, or `undefined` when it is unknown here. */
  find(kid: string): KnownKey | undefined;
  /** @returns All keys as a JWK set (RFC 7517 5), sorted by service and kid. */
  jwks(): { readonly keys: readonly PublishedJwk[] };
  /**
   * Reads the keys again, unless that was done a moment ago: a stream of forged key ids costs one reading per interval.
   *
   * @returns Whether the directory was read since it was asked; false means "too soon, nothing was done".
   * @throws {UnavailableError} If the last reading failed; the keys known before stay in force.
   */
  refresh(): Promise<boolean>;
}

/** Where keys are read from: file name to text; files that are not `<service>.jwks.json` are ignored. */
export type ReadDirectory = () => Promise<Readonly<Record<string, string>>>;

/** Options of {@link openKeyDirectory}. */
export interface KeyDirectoryOptions {
  readonly readDirectory: ReadDirectory;
  readonly clock: Clock;
  /** Least time between two readings; 30 s by default. */
  readonly refreshIntervalMs?: number;
}

/**
 * Reads the key directory and keeps it in memory.
 *
 * @returns The directory, filled.
 * @throws {ConfigError} If a file is malformed, holds a private key, or two services claim one key.
 * @throws {UnavailableError} If it cannot be read at all.
 */
export async function openKeyDirectory(options: KeyDirectoryOptions): Promise<KeyDirectory> {
  const { readDirectory, clock, refreshIntervalMs = 30_000 } = options;
  let current = keysFrom(await readFiles(readDirectory));
  let readAtMs = clock.monotonicMs();
  let failure: UnavailableError | undefined;
  let underway: Promise<void> | undefined;

  const readAgain = async () => {
    readAtMs = clock.monotonicMs();
    try {
      current = keysFrom(await readFiles(readDirectory));
      failure = undefined;
    } catch (error) {
      failure = new UnavailableError(`Cannot refresh keys: ${errorText(error)}`, {
        cause: error,
        dependency: "key-directory",
      });
    } finally {
      underway = undefined;
    }
  };

  return {
    find: (kid) => current.get(kid)?.key,
    jwks: () => jwksOf(current),
    refresh: async () => {
      const isDue = underway !== undefined || clock.monotonicMs() - readAtMs >= refreshIntervalMs;
      if (isDue) await (underway ??= readAgain());
      if (failure !== undefined) throw failure;
      return isDue;
    },
  };
}

/**
 * Makes a directory that never changes, from the texts of its files.
 *
 * @param files File name (`<service>.jwks.json`) to text.
 * @throws {ConfigError} As {@link openKeyDirectory}.
 */
export function fixedKeyDirectory(files: Readonly<Record<string, string>>): KeyDirectory {
  const keys = keysFrom(files);
  return { find: (kid) => keys.get(kid)?.key, jwks: () => jwksOf(keys), refresh: () => Promise.resolve(false) };
}

/**
 * Writes the directory's file of one service.
 *
 * @param keys Its public keys with their status, newest first.
 * @returns Name and text of the file.
 */
export function keyFile(
  service: string,
  keys: readonly { readonly jwk: PublicJwk; readonly status: KeyStatus }[],
): { readonly name: string; readonly text: string } {
  const published = keys.map(({ jwk, status }) => publishedJwk(service, jwk, status));
  return { name: `${service}.jwks.json`, text: `${JSON.stringify({ keys: published }, null, 2)}\n` };
}

interface Entry {
  readonly key: KnownKey;
  readonly jwk: PublicJwk;
}

async function readFiles(readDirectory: ReadDirectory): Promise<Readonly<Record<string, string>>> {
  try {
    return await readDirectory();
  } catch (error) {
    throw new UnavailableError(`Cannot read key directory: ${errorText(error)}`, {
      cause: error,
      dependency: "key-directory",
    });
  }
}

function keysFrom(files: Readonly<Record<string, string>>): ReadonlyMap<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const [name, text] of Object.entries(files)) {
    const service = fileName.exec(name)?.[1];
    if (service === undefined) continue;
    for (const jwk of keysOfFile(name, text)) {
      const entry = entryFrom(service, jwk);
      const known = entries.get(entry.key.kid);
      if (known !== undefined) {
        throw new ConfigError(
          `Cannot read keys: "${entry.key.kid}" stands for "${known.key.service}" and again for "${service}"`,
        );
      }
      entries.set(entry.key.kid, entry);
    }
  }
  return entries;
}

function keysOfFile(name: string, text: string): readonly unknown[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new ConfigError(`Cannot read keys: "${name}" is not JSON`, { cause: error });
  }
  const keys = (parsed as { readonly keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys)) throw new ConfigError(`Cannot read keys: "${name}" is no JWK set`);
  return keys;
}

function entryFrom(service: string, source: unknown): Entry {
  const { d, mesh_status: status = "active" } = (source ?? {}) as Readonly<Record<string, unknown>>;
  if (d !== undefined) throw new ConfigError(`Cannot read keys of "${service}": a private key lies in the directory`);
  if (status !== "active" && status !== "retired") {
    throw new ConfigError(`Cannot read keys of "${service}": "mesh_status" is neither "active" nor "retired"`);
  }
  const { kid, publicKey, jwk } = publicKeyFromJwk(source, service);
  return { key: Object.freeze({ kid, service, publicKey, status }), jwk };
}

function jwksOf(entries: ReadonlyMap<string, Entry>): { readonly keys: readonly PublishedJwk[] } {
  const keys = [...entries.values()].map(({ key, jwk }) => publishedJwk(key.service, jwk, key.status));
  const place = ({ mesh_service, kid }: PublishedJwk) => `${mesh_service} ${kid}`;
  return { keys: keys.sort((a, b) => (place(a) < place(b) ? -1 : 1)) };
}

function publishedJwk(service: string, { x, kid }: PublicJwk, status: KeyStatus): PublishedJwk {
  return { kty: "OKP", crv: "Ed25519", x, kid, use: "sig", alg: "Ed25519", mesh_service: service, mesh_status: status };
}

const fileName = /^([a-z][a-z0-9-]{0,30})\.jwks\.json$/;
