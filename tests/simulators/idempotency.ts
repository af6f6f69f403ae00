/** What was answered to the first request with a key. */
export interface StoredAnswer {
  readonly status: number;
  /** The JSON text of the body. */
  readonly body: string;
}

/** One idempotency key that was seen. */
export interface KeyRecord {
  readonly key: string;
  /** Method, path and parameters of the first request, to refuse the same key for another one. */
  readonly fingerprint: string;
  readonly atMs: number;
  /** Absent while the first request is still being worked on. */
  readonly answer?: StoredAnswer;
}

/** The idempotency keys that an external party remembers. */
export interface KeyStore {
  find(key: string, nowMs: number): KeyRecord | undefined;
  put(record: KeyRecord): void;
  unfinished(): readonly KeyRecord[];
  clear(): void;
}

/** Stripe keeps a key for at least 24 hours (its API reference, "Idempotent requests"); what is older may be gone. */
const keptMs = 24 * 60 * 60 * 1000;

/**
 * Makes an empty store of keys.
 *
 * @param recordsMax How many keys are kept; the oldest goes first. About 1 KiB each, so the default is some 200 MiB.
 */
export function createKeyStore(recordsMax = 200_000): KeyStore {
  const records = new Map<string, KeyRecord>();
  return {
    find: (key, nowMs) => {
      const record = records.get(key);
      return record !== undefined && nowMs - record.atMs < keptMs ? record : undefined;
    },
    put: (record) => {
      records.set(record.key, record);
      if (records.size <= recordsMax) return;
      const [oldest] = records.keys();
      if (oldest !== undefined) records.delete(oldest);
    },
    unfinished: () => [...records.values()].filter(({ answer }) => answer === undefined),
    clear: () => records.clear(),
  };
}
