import { timingSafeEqual } from "node:crypto";
import { DefectError, UnavailableError } from "@mesh/base";

/** Costs of Argon2id (RFC 9106). */
export interface Argon2Costs {
  /** Memory in KiB. */
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
}

/** OWASP's minimum set: about 40 ms and 19 MiB for each hash. */
export const currentCosts: Argon2Costs = Object.freeze({ memoryKib: 19_456, passes: 2, lanes: 1 });

/** Hashes passwords, few at a time. */
export interface PasswordHasher {
  /**
   * @param password Already normalised.
   * @returns A PHC string with a salt of its own.
   * @throws {UnavailableError} With reason `password-queue-full`: the caller answers 429.
   */
  hash(password: string): Promise<string>;
  /**
   * Compares in the time of one hash, whatever the outcome.
   *
   * @param phc A string that {@link hash} made, now or with earlier costs.
   * @throws {UnavailableError} With reason `password-queue-full`.
   * @throws {DefectError} If `phc` is none.
   */
  verify(phc: string, password: string): Promise<boolean>;
  /** Whether the string was made with other costs than today's. */
  isOutdated(phc: string): boolean;
}

/** What a hasher works with. */
export interface PasswordHasherOptions {
  /** Draws that many unpredictable bytes. */
  readonly randomBytes: (count: number) => Uint8Array<ArrayBuffer>;
  /** Default {@link currentCosts}. */
  readonly costs?: Argon2Costs;
  /** Hashes at once. Default 2: each holds 19 MiB and one core. */
  readonly runningMax?: number;
  /** Hashes that wait for a place. Default 50: two seconds of work; who comes later is better told at once. */
  readonly waitingMax?: number;
}

/**
 * Makes a hasher with a bounded queue: a flood of logins costs neither all memory nor all cores.
 *
 * @example A password and a wrong one
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { passwordHasher } from "./passwords.ts";
 *
 * const hasher = passwordHasher({
 *   randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
 *   costs: { memoryKib: 64, passes: 1, lanes: 1 },
 * });
 * const phc = await hasher.hash("correct horse battery staple");
 * assertEquals(await hasher.verify(phc, "correct horse battery staple"), true);
 * assertEquals(await hasher.verify(phc, "incorrect horse"), false);
 * ```
 */
export function passwordHasher(options: PasswordHasherOptions): PasswordHasher {
  const { randomBytes, costs = currentCosts, runningMax = 2, waitingMax = 50 } = options;
  const queue = boundedQueue(runningMax, waitingMax);
  return {
    hash: (password) =>
      queue(async () => {
        const salt = randomBytes(saltBytes);
        return encodePhc({ costs, salt, hash: await argon2id(password, salt, costs) });
      }),
    verify: (phc, password) => {
      const stored = decodePhc(phc);
      return queue(async () => timingSafeEqual(await argon2id(password, stored.salt, stored.costs), stored.hash));
    },
    isOutdated: (phc) => {
      const { memoryKib, passes, lanes } = decodePhc(phc).costs;
      return memoryKib !== costs.memoryKib || passes !== costs.passes || lanes !== costs.lanes;
    },
  };
}

const saltBytes = 16;
const hashBytes = 32;

type Queue = <Result>(work: () => Promise<Result>) => Promise<Result>;

function boundedQueue(runningMax: number, waitingMax: number): Queue {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= runningMax) {
      if (waiting.length >= waitingMax) {
        throw new UnavailableError(`Cannot hash password: ${waiting.length} others are waiting`, {
          reason: "password-queue-full",
        });
      }
      // Whoever finishes hands its place over, so `running` does not change.
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      running += 1;
    }
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}

/** The parameters follow a draft (WICG "Modern Algorithms in Web Crypto"), hence this one place; Deno's types lag. */
async function argon2id(password: string, salt: Uint8Array, costs: Argon2Costs): Promise<Uint8Array> {
  const secret = new TextEncoder().encode(password);
  const key = await crypto.subtle.importKey("raw-secret" as "raw", secret, "Argon2id", false, ["deriveBits"]);
  const parameters = {
    name: "Argon2id",
    nonce: salt,
    memory: costs.memoryKib,
    passes: costs.passes,
    parallelism: costs.lanes,
  };
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, key, hashBytes * 8));
}

interface StoredHash {
  readonly costs: Argon2Costs;
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

function encodePhc({ costs: { memoryKib, passes, lanes }, salt, hash }: StoredHash): string {
  const [saltText, hashText] = [salt, hash].map((bytes) => bytes.toBase64({ omitPadding: true }));
  return `$argon2id$v=19$m=${memoryKib},t=${passes},p=${lanes}$${saltText}$${hashText}`;
}

/** Upper bounds keep a corrupted row from asking for all the memory there is. */
function decodePhc(phc: string): StoredHash {
  const match = phcPattern.exec(phc);
  // The text itself stays out of the message: it is a credential.
  if (match === null) throw new DefectError("Cannot read password hash: not a PHC string of Argon2id");
  const [memoryKib, passes, lanes] = [Number(match[1]), Number(match[2]), Number(match[3])] as [number, number, number];
  const hash = Uint8Array.fromBase64(match[5]!);
  if (memoryKib > 1_048_576 || passes > 64 || lanes > 16 || hash.byteLength !== hashBytes) {
    throw new DefectError("Cannot read password hash: its costs or length are out of range");
  }
  return { costs: { memoryKib, passes, lanes }, salt: Uint8Array.fromBase64(match[4]!), hash };
}

const phcPattern =
  /^\$argon2id\$v=19\$m=([1-9]\d{0,7}),t=([1-9]\d{0,3}),p=([1-9]\d{0,2})\$([A-Za-z0-9+/]{11,64})\$([A-Za-z0-9+/]{43})$/;
