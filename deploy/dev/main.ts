/**
 * Starts the whole shop for a developer and looks after it (`make dev`, `deno task dev`); `--help` says more.
 *
 * @module
 */
import { errorText, systemClock, UnavailableError } from "@mesh/base";
import { isPortFree, killProcessesIn, lockFolder, processesIn, stateDir } from "@mesh/testing/infra";
import { services } from "../topology.ts";
import { announcement } from "./announcement.ts";
import { type DevOptions, helpText, readDevOptions } from "./dev_options.ts";
import { type DevPorts, devPorts, portPurposes } from "./dev_ports.ts";
import { findPortHolder } from "./port_holders.ts";
import { simulators } from "./shop_processes.ts";
import { watchSources } from "./source_watch.ts";
import { startShop } from "./start_shop.ts";
import { Supervisor } from "./supervisor.ts";

const root = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
const isTerminal = Deno.stdout.isTerminal() && !Deno.noColor;
const nameWidth = Math.max(...services.map(({ name }) => name.length), simulators.length);

/** 1 s: Ctrl-C reaches the supervisor twice, from the terminal and from the task runner above it. */
const sameSignalMs = 1_000;

Deno.exit(await run());

async function run(): Promise<number> {
  const stop = stopSignal();
  try {
    const options = readDevOptions(Deno.args);
    if (options === undefined) {
      console.log(helpText);
      return 0;
    }
    await runShop(options, stop);
    return 0;
  } catch (error) {
    if (stop.aborted) {
      log("stopped before the shop was up");
      return 0;
    }
    console.error(errorText(error));
    if (/was changed/.test(errorText(error))) console.error("Remove the data of earlier times with: make clean");
    return 1;
  }
}

async function runShop(options: DevOptions, stop: AbortSignal): Promise<void> {
  const env = Deno.env.toObject();
  const { portOffset } = options;
  // Beside it and not in it: what is left over in a folder is ended, whoever started it.
  const folder = options.stateFolder ??
    stateDir(root, env, Deno.uid()) + (portOffset === 0 ? "" : `-offset-${portOffset}`);
  await Deno.mkdir(folder, { recursive: true });
  const lock = lockFolder(folder);
  // Only a supervisor that was killed leaves processes behind; a living one would hold the lock.
  await killProcessesIn(folder);
  if (options.isFresh) await removeData(folder);
  const ports = devPorts(portOffset);
  assertPortsFree(ports, env.MESH_AMQP_URL === undefined);
  try {
    await using shop = await startShop({
      folder,
      ports: ports.shop,
      infraPorts: ports.servers,
      isSeeded: true,
      logFormat: "pretty",
      logLevel: options.logLevel,
      isColoured: isTerminal,
      onLine: printLine,
      log,
      signal: stop,
    });
    for (const line of announcement(shop)) console.log(line);
    const supervisor = new Supervisor({ shop, clock: systemClock, log, signal: stop });
    await Promise.all([
      supervisor.run(),
      options.isWatching
        ? watchSources({
          root,
          clock: systemClock,
          onChange: (paths) => supervisor.noteChange(paths),
          signal: stop,
        })
        : undefined,
    ]);
    log("stopping");
  } finally {
    const left = processesIn(folder);
    if (left.length > 0) log(`ending ${left.length} processes that did not stop: ${left.join(", ")}`);
    await killProcessesIn(folder);
    lock.release();
  }
  log("stopped; the data are kept");
}

/** Everything but the lock that is held. */
async function removeData(folder: string): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    if (name !== "in_use.lock") await Deno.remove(`${folder}/${name}`, { recursive: true });
  }
}

/** @throws {UnavailableError} That lists every taken port, what it is for, and who has it. */
function assertPortsFree(ports: DevPorts, withServers: boolean): void {
  const taken = [...portPurposes(ports, withServers)].filter(([port]) => !isPortFree(port));
  if (taken.length === 0) return;
  const lines = taken.map(([port, purpose]) => {
    const holder = findPortHolder(port);
    const who = holder === undefined ? "another process" : `process ${holder.pid} (${holder.command})`;
    return `  ${port} for ${purpose}: ${who} listens on it`;
  });
  throw new UnavailableError(
    `Cannot start: ports are taken\n${lines.join("\n")}\nEnd what holds them, or take others with --port-offset`,
  );
}

function log(line: string): void {
  printLine("dev", line);
}

/** Each service has a colour of its own. */
function printLine(name: string, line: string): void {
  const at = services.findIndex((service) => service.name === name);
  // 256-colour palette, light shades that stand on black and on white.
  const colour = name === "dev" ? 245 : 31 + ((at + 1) * 18) % 180;
  const prefix = name.padEnd(nameWidth);
  console.log(isTerminal ? `\x1b[38;5;${colour}m${prefix}\x1b[39m ${line}` : `${prefix} ${line}`);
}

/** Aborts at the first SIGINT, SIGTERM or SIGHUP; a second one ends the process at once, and its children with it. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  let firstMs = 0;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => {
      if (!controller.signal.aborted) {
        firstMs = systemClock.monotonicMs();
        log(`${signal}: stopping, once more to stop at once`);
        controller.abort();
      } else if (systemClock.monotonicMs() - firstMs > sameSignalMs) {
        Deno.exit(130);
      }
    });
  }
  return controller.signal;
}
