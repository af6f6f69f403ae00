import { parseArgs } from "node:util";
import { ConfigError, errorText } from "@mesh/base";

/** How the demo is to run. */
export interface DemoOptions {
  /** The shop; when absent the one at {@link defaultBaseUrl}, and where there is none, one of the demo's own. */
  readonly baseUrl: string | undefined;
  readonly isJson: boolean;
  /** How long the shop may wait for a provider that is silent, in milliseconds. */
  readonly patienceMs: number;
}

/** Where `make dev` serves. */
export const defaultBaseUrl = "http://127.0.0.1:8080";

/** Printed by `--help`. */
export const helpText = `Orders of every ending, each with the signed events that tell how it came about.

Usage: deno task demo [options]

Registers a customer, logs in, browses, and places orders that complete, run out of stock, are declined, time out at the
payment provider, are cancelled. Each is followed by server-sent events; then its events are read from the audit log as
an auditor and their signatures checked here, with the keys that the mesh publishes. Can be run as often as you like:
every run has a customer of its own and puts the goods that it needs on the shelves.

  --base-url <url>    the shop (default ${defaultBaseUrl}; if nobody answers there, a shop of its own that
                      is stopped and removed afterwards)
  --patience <s>      how long to wait for the shop to give up a silent provider, in seconds (default 45); a shop that is
                      set to be more patient (10 minutes by default) gets a cancellation, and the order counts as skipped
  --json              print one JSON document in place of screens
  --help              show this text

Needs the seed accounts of a development shop (staff and auditor). Exit codes: 0 every order ended as it should and every
signature verified; 1 otherwise; 2 wrong usage.
`;

const flags = {
  "base-url": { type: "string" },
  patience: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/**
 * Reads the command line.
 *
 * @returns The options, or `undefined` if help is asked for.
 * @throws {ConfigError} That lists every fault at once.
 *
 * @example
 * ```ts
 * import { strictEqual as assertEquals } from "node:assert/strict";
 * import { readOptions } from "./options.ts";
 *
 * assertEquals(readOptions(["--patience", "5"])?.patienceMs, 5_000);
 * ```
 */
export function readOptions(args: readonly string[]): DemoOptions | undefined {
  const given = parse(args);
  if (given.help === true) return undefined;
  const faults: string[] = [];
  const { "base-url": baseUrl, patience = "45", json = false } = given;
  const url = baseUrl === undefined ? undefined : URL.parse(baseUrl);
  if (url === null || (url !== undefined && !/^https?:$/.test(url.protocol))) {
    faults.push(`--base-url is "${baseUrl}", which is no address of a web server`);
  }
  if (!/^\d{1,4}$/.test(patience) || Number(patience) < 1) {
    faults.push(`--patience is "${patience}", which is no whole number of seconds from 1`);
  }
  if (faults.length > 0) throw new ConfigError(`Cannot run the demo: ${faults.join("; ")}`);
  return { baseUrl: url?.href.replace(/\/$/, ""), isJson: json, patienceMs: Number(patience) * 1000 };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: flags }).values;
  } catch (error) {
    throw new ConfigError(`Cannot run the demo: ${errorText(error)}`, { cause: error });
  }
}
