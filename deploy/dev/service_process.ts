import { systemClock, UnavailableError } from "@mesh/base";

/** What to run. */
export interface ChildSpec {
  readonly name: string;
  /** Arguments for the Deno program. */
  readonly args: readonly string[];
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Working folder; what a killed supervisor leaves behind is found by it. */
  readonly workDir: string;
  /** Receives each line that it prints. */
  readonly onLine: (line: string) => void;
}

/** A child in a process group of its own, which dies with this process. */
export interface Child {
  readonly name: string;
  readonly pid: number;
  readonly isRunning: boolean;
  /** Resolves with the exit code once it has ended. */
  readonly ended: Promise<number>;
  signal(signal: Deno.Signal): void;
  /** Asks it to drain, and ends it if it does not within `limitMs`. */
  stop(limitMs?: number): Promise<void>;
}

/** Starts a child. */
export function startChild({ name, args, env, workDir, onLine }: ChildSpec): Child {
  const deno = Deno.execPath();
  // The kernel ends it when this process dies without a word.
  const isLinux = Deno.build.os === "linux";
  const command = isLinux ? ["setpriv", "--pdeathsig", "KILL", "--", deno, ...args] : [deno, ...args];
  const process = new Deno.Command(command[0]!, {
    args: command.slice(1),
    cwd: workDir,
    env: { ...env },
    clearEnv: true,
    detached: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let isRunning = true;
  const reading = Promise.all([eachLine(process.stdout, onLine), eachLine(process.stderr, onLine)]);
  const ended = process.status.then(async ({ code }) => {
    isRunning = false;
    await reading;
    return code;
  });
  const signal = (name: Deno.Signal) => {
    if (isRunning) process.kill(name);
  };
  return {
    name,
    pid: process.pid,
    get isRunning() {
      return isRunning;
    },
    ended,
    signal,
    stop: async (limitMs = 35_000) => {
      signal("SIGTERM");
      const late = new AbortController();
      const isLate = systemClock.delay(limitMs, late.signal).then(() => true);
      if (await Promise.race([ended.then(() => false), isLate])) signal("SIGKILL");
      late.abort();
      await ended;
    },
  };
}

async function eachLine(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  }
  if (rest !== "") onLine(rest);
}

/** What to wait for. */
export interface Readiness {
  /** Answers with a status of 200 to 299 once the child is ready. */
  readonly url: string;
  /** Longest wait in milliseconds. */
  readonly limitMs: number;
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Waits until a child says that it is ready.
 *
 * @throws {UnavailableError} If the child ends first, after `limitMs`, or when `signal` aborted.
 */
export async function untilReady(child: Child, { url, limitMs, signal }: Readiness): Promise<void> {
  const deadlineMs = systemClock.monotonicMs() + limitMs;
  let last = "no answer";
  while (systemClock.monotonicMs() < deadlineMs && child.isRunning && signal?.aborted !== true) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
      last = await response.text();
      if (response.ok) return;
    } catch {
      last = "no answer";
    }
    await systemClock.delay(50, signal);
  }
  const state = child.isRunning ? `it is not ready (${last})` : "it has ended";
  throw new UnavailableError(`Cannot start ${child.name}: ${state}`, { dependency: child.name });
}
