import { DefectError, errorText, systemClock, UnavailableError } from "@mesh/base";

/** An account of this machine that a server may run as. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** What to run, as whom, where, and where its output goes. */
export interface ProcessSpec {
  /** Short name for messages, for example "rabbitmq". */
  readonly name: string;
  /** Program and arguments; the program is an absolute path or is found on `env.PATH`. */
  readonly command: readonly [string, ...string[]];
  /** The whole environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** Working folder, inside `root` if that is given. Also how leftovers are found again, see `processesIn`. */
  readonly workDir: string;
  /** File that standard output and error are appended to, inside `root` if that is given. */
  readonly logFile: string;
  /** Account to run as; absent means the account of this process. */
  readonly account?: Account | undefined;
  /** Folder with another system to run in (chroot, with its own `/proc`); needs root. */
  readonly root?: string | undefined;
  /** Signal the kernel sends when the supervisor dies without a word, so that nothing outlives it. */
  readonly signalOnParentDeath: "KILL" | "QUIT";
}

/** A running child in a process group of its own: Ctrl-C in the terminal does not reach it, the supervisor does. */
export interface ManagedProcess {
  readonly name: string;
  readonly pid: number;
  /** Resolves with the exit code once the process has ended. */
  readonly ended: Promise<number>;
  /** True until the process has ended. */
  isRunning(): boolean;
  /** Signals the process itself; does nothing once it has ended. */
  signal(signal: Deno.Signal): void;
  /** Ends every process of the group at once and waits until the first one is gone. */
  kill(): Promise<void>;
}

/**
 * Starts a child that dies with this process.
 *
 * Output goes to a file and not through a pipe: a full pipe would stop a server whose supervisor is busy or gone.
 *
 * @throws {UnavailableError} If the program cannot be started.
 */
export function startProcess(spec: ProcessSpec): ManagedProcess {
  const [program = "sh", ...args] = commandLine(spec);
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args,
      // The folder of the clone may be closed to the account that the child runs as.
      cwd: "/",
      env: { ...spec.env },
      clearEnv: true,
      detached: true,
      stdin: "null",
      stdout: "null",
      stderr: "null",
      ...(spec.root === undefined && spec.account !== undefined ? spec.account : {}),
    }).spawn();
  } catch (error) {
    throw new UnavailableError(`Cannot start ${spec.name}: ${errorText(error)}`, { cause: error });
  }
  let isRunning = true;
  const ended = child.status.then(({ code }) => {
    isRunning = false;
    return code;
  });
  return {
    name: spec.name,
    pid: child.pid,
    ended,
    isRunning: () => isRunning,
    signal: (signal) => signalQuietly(child.pid, signal),
    kill: async () => {
      signalQuietly(-child.pid, "SIGKILL");
      await ended;
    },
  };
}

/**
 * Lists living processes whose working folder lies in `folder`: what a server left behind, however it was started.
 *
 * Process groups do not suffice: Postgres gives each of its workers a session of its own.
 *
 * @returns Process ids; empty where there is no `/proc`.
 */
export function processesIn(folder: string): readonly number[] {
  if (Deno.build.os !== "linux" || !isFolder(folder)) return [];
  const real = Deno.realPathSync(folder);
  return [...Deno.readDirSync("/proc")]
    .map(({ name }) => Number(name))
    .filter((pid) => Number.isInteger(pid) && pid !== Deno.pid && isInFolder(pid, real));
}

/** Lists living processes of a process group; empty where there is no `/proc`. */
export function processesOfGroup(group: number): readonly number[] {
  if (Deno.build.os !== "linux") return [];
  return [...Deno.readDirSync("/proc")]
    .map(({ name }) => Number(name))
    .filter((pid) => Number.isInteger(pid) && groupOf(pid) === group);
}

/**
 * Ends every process that works in `folder` and waits until all are gone.
 *
 * @throws {UnavailableError} If one is still there after 10 s, long after SIGKILL.
 */
export async function killProcessesIn(folder: string): Promise<void> {
  const deadlineMs = systemClock.monotonicMs() + 10_000;
  for (;;) {
    const pids = processesIn(folder);
    if (pids.length === 0) return;
    if (systemClock.monotonicMs() > deadlineMs) {
      throw new UnavailableError(`Cannot end the processes left in ${folder}: ${pids.join(", ")} still run`);
    }
    for (const pid of pids) signalQuietly(pid, "SIGKILL");
    await systemClock.delay(20);
  }
}

/**
 * Waits until `probe` answers true.
 *
 * @param what Named in the error.
 * @throws {UnavailableError} If the process ends first, or after `limitMs`; the message ends with the log's last lines.
 */
export async function waitUntilReady(
  what: { readonly process: ManagedProcess; readonly logFile: string; readonly limitMs: number },
  probe: () => Promise<boolean>,
): Promise<void> {
  const { process, logFile, limitMs } = what;
  const deadlineMs = systemClock.monotonicMs() + limitMs;
  while (!(await probe())) {
    const isLate = systemClock.monotonicMs() > deadlineMs;
    if (!process.isRunning() || isLate) {
      const state = process.isRunning() ? `it was not ready after ${limitMs} ms` : "it ended at once";
      throw new UnavailableError(`Cannot start ${process.name}: ${state}; its log ends with\n${tailOf(logFile)}`, {
        dependency: process.name,
      });
    }
    await systemClock.delay(50);
  }
}

/** Finds an account by name in the account file of this machine, or of the system under `root`. */
export function findAccount(names: readonly string[], root = ""): Account | undefined {
  const rows = Deno.readTextFileSync(`${root}/etc/passwd`).split("\n").map((line) => line.split(":"));
  for (const name of names) {
    const row = rows.find(([account]) => account === name);
    if (row !== undefined) return { uid: Number(row[2]), gid: Number(row[3]) };
  }
  return undefined;
}

/** Reads the last lines of a log; empty if there is none yet. */
export function tailOf(logFile: string, lineCount = 15): string {
  try {
    return Deno.readTextFileSync(logFile).trimEnd().split("\n").slice(-lineCount).join("\n");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

function commandLine(spec: ProcessSpec): readonly string[] {
  const redirected = [
    "sh",
    "-c",
    'cd "$0" && log="$1" && shift && exec >>"$log" 2>&1 && exec "$@"',
    spec.workDir,
    spec.logFile,
    ...spec.command,
  ];
  if (Deno.build.os !== "linux") {
    if (spec.root !== undefined) throw new DefectError(`Cannot start ${spec.name} in ${spec.root}: this is not Linux`);
    return redirected;
  }
  const tied = ["setpriv", "--pdeathsig", spec.signalOnParentDeath];
  if (spec.root === undefined) return [...tied, "--", ...redirected];
  // The kernel forgets the death signal when a process changes its user, so both happen in one setpriv. The mount
  // namespace makes /proc vanish with the last process: nothing is left to unmount, however they end.
  const { account } = spec;
  const drop = account === undefined ? [] : [`--reuid=${account.uid}`, `--regid=${account.gid}`, "--clear-groups"];
  return [
    ...["unshare", "--mount", "--propagation", "private", "--", "sh", "-c"],
    'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"',
    ...[spec.root, ...tied, ...drop, "--", ...redirected],
  ];
}

function signalQuietly(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    // It ended in the meantime, which is what a signal is for.
    const isGone = error instanceof Deno.errors.NotFound || (error as { code?: string }).code === "ESRCH";
    if (!isGone) throw error;
  }
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

function isInFolder(pid: number, folder: string): boolean {
  try {
    const workDir = Deno.readLinkSync(`/proc/${pid}/cwd`);
    return workDir === folder || workDir.startsWith(`${folder}/`);
  } catch {
    // Another account's process, a kernel thread, or one that ended while we looked.
    return false;
  }
}

function groupOf(pid: number): number | undefined {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // The name in parentheses may hold spaces; state, parent and group follow it. A zombie is no longer running.
    const [state, , group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return state === "Z" ? undefined : Number(group);
  } catch {
    return undefined;
  }
}
