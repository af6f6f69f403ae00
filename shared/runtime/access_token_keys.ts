import { calculateJwkThumbprint, type CryptoKey, importJWK } from "jose";
import { z } from "zod";
import { type Clock, TrustError, UnavailableError } from "@mesh/base";

/** Finds the public key that an access token says it was signed with. */
export interface AccessTokenKeys {
  /**
   * @param kid As the token's header has it; untrusted, used for nothing but a look-up.
   * @throws {TrustError} With reason `unknown-key`.
   * @throws {UnavailableError} If nobody can say now whether the key exists.
   */
  read(kid: string): Promise<CryptoKey>;
}

/** Keys that are fetched beside the work. */
export interface RemoteKeys extends AccessTokenKeys {
  /** Waits for the fetch that is under way, if there is one; never throws. */
  settled(): Promise<void>;
}

/** Where the keys are, and how often to look. */
export interface RemoteKeysOptions {
  /** Address of the JWKS of `users`. */
  readonly url: string;
  readonly clock: Clock;
  /** Default: the platform's. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** Keys older than this are fetched again beside the work, in milliseconds. Default 5 minutes. */
  readonly freshMs?: number;
  /**
   * Keys older than this are not used at all, in milliseconds. Default 1 hour: far above an access token's life, so an
   * outage of `users` ends no session early; bounded, so that a withdrawn key cannot be kept alive by blocking the fetch.
   */
  readonly staleMaxMs?: number;
  /** Least time between two fetches, in milliseconds, whatever tokens ask for. Default 5 seconds. */
  readonly cooldownMs?: number;
  /** Longest time that one fetch may take, in milliseconds. Default 2 seconds. */
  readonly timeoutMs?: number;
}

/**
 * Reads keys from a parsed JWKS.
 *
 * Strict, because whoever chooses a key chooses who may enter: Ed25519 public keys for signatures only, each under its
 * own thumbprint (RFC 7638).
 *
 * @param jwks As it was parsed from JSON.
 * @returns The keys by `kid`.
 * @throws {TrustError} With reason `bad-key-set` if any key is of another kind, private, or under a false name.
 */
export async function keysFromJwks(jwks: unknown): Promise<ReadonlyMap<string, CryptoKey>> {
  const parsed = Jwks.safeParse(jwks);
  if (!parsed.success) {
    throw new TrustError("Cannot read access token keys: not a set of public Ed25519 keys", { reason: "bad-key-set" });
  }
  const keys = new Map<string, CryptoKey>();
  for (const jwk of parsed.data.keys) {
    if (jwk.kid !== await calculateJwkThumbprint({ kty: jwk.kty, crv: jwk.crv, x: jwk.x })) {
      throw new TrustError("Cannot read access token keys: a kid is not its key's thumbprint", {
        reason: "bad-key-set",
      });
    }
    keys.set(jwk.kid, await importEd25519(jwk));
  }
  return keys;
}

/**
 * Serves keys from memory, for the service that holds them and for tests.
 *
 * @param keys By `kid`.
 */
export function fixedKeys(keys: ReadonlyMap<string, CryptoKey>): AccessTokenKeys {
  return {
    read: (kid) => {
      const key = keys.get(kid);
      return key === undefined ? Promise.reject(unknownKey()) : Promise.resolve(key);
    },
  };
}

/**
 * Serves the keys that `users` publishes, from a cache that goes on working while `users` is away.
 *
 * A known key costs no wait, except for the very first one. An unknown one causes a fetch, at most one per `cooldownMs`.
 */
export function remoteKeys(options: RemoteKeysOptions): RemoteKeys {
  const { clock, freshMs = 300_000, staleMaxMs = 3_600_000, cooldownMs = 5_000 } = options;
  let keys: ReadonlyMap<string, CryptoKey> = new Map();
  let keysAtMs = Number.NEGATIVE_INFINITY;
  let triedAtMs = Number.NEGATIVE_INFINITY;
  let failure: unknown;
  let running: Promise<void> | undefined;

  const fetchOnce = async (): Promise<void> => {
    triedAtMs = clock.monotonicMs();
    try {
      keys = await fetchKeys(options);
      keysAtMs = clock.monotonicMs();
      failure = undefined;
    } catch (error) {
      failure = error;
    } finally {
      running = undefined;
    }
  };
  const refresh = (): Promise<void> => {
    if (running !== undefined) return running;
    if (clock.monotonicMs() - triedAtMs < cooldownMs) return Promise.resolve();
    return running = fetchOnce();
  };
  const usable = (kid: string): CryptoKey | undefined =>
    clock.monotonicMs() - keysAtMs <= staleMaxMs ? keys.get(kid) : undefined;

  return {
    settled: () => running ?? Promise.resolve(),
    read: async (kid) => {
      const known = usable(kid);
      if (known !== undefined) {
        if (clock.monotonicMs() - keysAtMs > freshMs) void refresh();
        return known;
      }
      await refresh();
      const found = usable(kid);
      if (found !== undefined) return found;
      // Not a refusal: a key that came with a rotation is unknown here for as long as the fetch fails.
      if (failure !== undefined) {
        throw new UnavailableError("Cannot check access token: its keys could not be fetched", {
          cause: failure,
          dependency: "users",
        });
      }
      throw unknownKey();
    },
  };
}

async function fetchKeys(
  { url, clock, fetch = globalThis.fetch, timeoutMs = 2_000 }: RemoteKeysOptions,
): Promise<ReadonlyMap<string, CryptoKey>> {
  const deadline = new AbortController();
  const done = new AbortController();
  void clock.delay(timeoutMs, done.signal).then(() => deadline.abort());
  try {
    const response = await fetch(url, {
      signal: deadline.signal,
      redirect: "error",
      headers: { accept: "application/json" },
    });
    return await keysFromJwks(JSON.parse(await readText(response)));
  } finally {
    done.abort();
  }
}

/** A key set of 16 keys has 2 KiB; what is longer is none. */
const bodyBytesMax = 64 * 1024;

async function readText(response: Response): Promise<string> {
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    throw new UnavailableError(`Cannot fetch access token keys: status ${response.status}`, { dependency: "users" });
  }
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body) {
    bytes += chunk.byteLength;
    if (bytes > bodyBytesMax) throw new TrustError("Cannot fetch access token keys: body too long");
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

async function importEd25519(jwk: z.output<typeof Ed25519Jwk>): Promise<CryptoKey> {
  const key = await importJWK({ kty: jwk.kty, crv: jwk.crv, x: jwk.x }, "EdDSA");
  if (key instanceof Uint8Array) throw new TrustError("Cannot read access token keys: not a public key");
  return key;
}

function unknownKey(): TrustError {
  return new TrustError("Cannot accept access token: its key is unknown", { reason: "unknown-key" });
}

/** `d` and the members of symmetric keys are unknown here, and unknown members are refused. */
const Ed25519Jwk = z.strictObject({
  kty: z.literal("OKP"),
  crv: z.literal("Ed25519"),
  x: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  kid: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  alg: z.literal("EdDSA").optional(),
  use: z.literal("sig").optional(),
});
const Jwks = z.strictObject({ keys: z.array(Ed25519Jwk).min(1).max(16) });
