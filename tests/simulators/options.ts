import { parseArgs } from "node:util";
import { ConfigError, errorText } from "@mesh/base";

/** Where the simulators listen and keep their state. */
export interface SimulatorsOptions {
  readonly paymentPort: number;
  readonly carrierPort: number;
  readonly smtpPort: number;
  readonly mailPort: number;
  /** The address that all of them listen on. */
  readonly host: string;
  /** The folder of the journals; without it a restart forgets. */
  readonly stateDir: string | undefined;
}

/** The options of the simulators; each is a flag and a variable. */
const settings = [
  { flag: "payment-port", variable: "SIMULATOR_PAYMENT_PORT", preset: 9201, help: "payment provider, HTTP" },
  { flag: "carrier-port", variable: "SIMULATOR_CARRIER_PORT", preset: 9202, help: "carrier, HTTP" },
  { flag: "smtp-port", variable: "SIMULATOR_SMTP_PORT", preset: 9203, help: "mail sink, SMTP" },
  { flag: "mail-port", variable: "SIMULATOR_MAIL_PORT", preset: 9204, help: "mail sink, page and JSON" },
] as const;

const stateDir = { flag: "state-dir", variable: "SIMULATOR_STATE_DIR" } as const;
const host = { flag: "host", variable: "SIMULATOR_HOST", preset: "127.0.0.1" } as const;

/** What `--help` prints. */
export const helpText = `Simulators of the payment provider, the carrier and the mail server.

Usage: deno run --allow-net=127.0.0.1 --allow-env --allow-read --allow-write tests/simulators/main.ts [options]

${
  settings.map(({ flag, variable, preset, help }) =>
    `  --${`${flag} <port>`.padEnd(21)} ${help} (${variable}, default ${preset}; 0 takes a free one)`
  ).join("\n")
}
  --${
  `${stateDir.flag} <folder>`.padEnd(21)
} keep what was charged and booked there (${stateDir.variable}, default: forget)
  --${
  `${host.flag} <address>`.padEnd(21)
} listen there; they are open to whoever reaches them (${host.variable}, default ${host.preset})
  --help                  show this text

Each is made to be slow, to fail, to lose answers or to repeat by PUT /_simulator/switches on its HTTP port; GET
/_simulator/ledger shows what was really done, DELETE /_simulator/state forgets it. See tests/simulators/README.md.
`;

/**
 * Reads the options; a flag goes before its variable, and that before the default.
 *
 * @param args The command line, without the program.
 * @param env The variables; an empty one counts as absent.
 * @returns The options, or `undefined` if help is asked for.
 * @throws {ConfigError} That lists every fault at once.
 */
export function readOptions(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): SimulatorsOptions | undefined {
  const flags = readFlags(args);
  if (flags.help === true) return undefined;
  const faults: string[] = [];
  const portOf = ({ flag, variable, preset }: typeof settings[number]): number => {
    const text = flags[flag] ?? (env[variable] || undefined);
    if (text === undefined) return preset;
    if (typeof text === "string" && /^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
    faults.push(`--${flag} (${variable}) is "${text}", a port is 0 to 65535`);
    return preset;
  };
  const [paymentPort, carrierPort, smtpPort, mailPort] = settings.map(portOf) as [number, number, number, number];
  if (faults.length > 0) throw new ConfigError(`Cannot start the simulators: ${faults.join("; ")}`);
  const textOf = ({ flag, variable }: { readonly flag: string; readonly variable: string }) => {
    const text = flags[flag] ?? (env[variable] || undefined);
    return typeof text === "string" ? text : undefined;
  };
  return {
    paymentPort,
    carrierPort,
    smtpPort,
    mailPort,
    host: textOf(host) ?? host.preset,
    stateDir: textOf(stateDir),
  };
}

function readFlags(args: readonly string[]): Readonly<Record<string, string | boolean | undefined>> {
  const options = {
    help: { type: "boolean", short: "h" },
    ...Object.fromEntries([...settings, stateDir, host].map(({ flag }) => [flag, { type: "string" }])),
  } as Record<string, { readonly type: "boolean" | "string" }>;
  try {
    return parseArgs({ args: [...args], options }).values as Record<string, string | boolean | undefined>;
  } catch (error) {
    throw new ConfigError(`Cannot start the simulators: ${errorText(error)}`, { cause: error });
  }
}
