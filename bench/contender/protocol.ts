/**
 * What a bench and a contender say to each other: one JSON object a line, orders on standard input, reports on standard
 * output. Contenders run under Deno and under Node, so nothing here may need either.
 *
 * @module
 */

/** Where a contender finds servers, and what it may call its own. Everything it makes there is removed for it. */
export interface ContenderSetup {
  /** URL of an administrator at the broker, in a vhost that only this contender uses. */
  readonly amqpUrl: string;
  readonly management: { readonly url: string; readonly user: string; readonly password: string };
  readonly vhost: string;
  /** URL of a superuser, database `postgres`. */
  readonly postgresUrl: string;
  /** What names of databases and roles begin with: lower-case letters, digits and `_`. */
  readonly databasePrefix: string;
  /** Empty folder for its files. */
  readonly folder: string;
  /** Folder with the `node_modules` of the peers; empty where none were installed. */
  readonly peersFolder: string;
}

/** Parts of a machine that processor time is split by. */
export const processGroups = ["broker", "database", "services", "driver"] as const;

/** One of {@link processGroups}; the bench itself knows the processes of RabbitMQ and PostgreSQL. */
export type ProcessGroup = typeof processGroups[number];

/** Process ids by the part they belong to. */
export type Processes = Readonly<Partial<Record<ProcessGroup, readonly number[]>>>;

/** How sagas are to be started, and for how long. */
export type LoadPlan = LoadTimes & (ClosedLoop | OpenLoop);

/** How long a load takes. */
export interface LoadTimes {
  /** Time before the measurement, under the same load, in milliseconds. */
  readonly warmUpMs: number;
  /** Length of the measurement in milliseconds. */
  readonly measureMs: number;
}

/** So many sagas at once: as soon as one has ended, the next one starts. */
export interface ClosedLoop {
  readonly inFlight: number;
}

/** So many sagas a second, whatever became of those before. */
export interface OpenLoop {
  readonly ratePerSecond: number;
}

/** Latency of sagas, from the moment at which they were to start until their end, in milliseconds. */
export interface LoadLatency {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** What became of one load. */
export interface LoadResult {
  /** Sagas that were started, warm-up and all. */
  readonly started: number;
  /** Sagas that ended within the measurement. */
  readonly finished: number;
  /** Length of the measurement, in milliseconds. */
  readonly elapsedMs: number;
  /**
   * Closed loop: of the sagas that ended within the measurement. Open loop: of those that were to start within it.
   * Absent where there was none.
   */
  readonly latency?: LoadLatency;
  /** True for an open loop that left more sagas unended than it was to: the contender does not keep up. */
  readonly isBehind: boolean;
  /** What was wrong; empty for a run that counts. */
  readonly faults: readonly string[];
  /** Only where it was to be counted. */
  readonly work?: Work;
}

/** What was done, by what it is called in a report; per saga where nothing else is said. */
export type Work = Readonly<Record<string, number>>;

/** What the bench says. */
export type Order =
  | { readonly setup: ContenderSetup }
  | { readonly run: LoadPlan }
  /** Runs a load of which nothing is measured, and counts what is done for it. */
  | { readonly count: LoadPlan }
  | { readonly stop: true };

/** What the contender says. */
export type Report =
  | { readonly ready: { readonly processes: Processes } }
  | { readonly measuring: "begin" | "end" }
  | { readonly result: LoadResult }
  | { readonly failed: string };

/**
 * Reads one line of a contender.
 *
 * @returns `undefined` for a line that is no report: some library has printed something.
 *
 * @example
 * ```ts
 * import { deepStrictEqual as assertEquals } from "node:assert/strict";
 * import { readReport } from "./protocol.ts";
 *
 * assertEquals(readReport('{"measuring":"begin"}'), { measuring: "begin" });
 * assertEquals(readReport("Listening on 127.0.0.1"), undefined);
 * ```
 */
export function readReport(line: string): Report | undefined {
  const value = parsed(line);
  const isReport = typeof value === "object" && value !== null &&
    ["ready", "measuring", "result", "failed"].some((name) => name in value);
  return isReport ? value as Report : undefined;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
