import { systemClock } from "@mesh/base";

/** A command of the gate. */
export interface Command {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Show output as it comes; otherwise it is only kept. */
  readonly isLive: boolean;
  /** From start to end; after it everything that the command started is ended. */
  readonly limitMs: number;
  /** Ends everything that the command started once it aborts. */
  readonly signal: AbortSignal;
}

/** How a command ended. */
export interface Outcome {
  readonly isSuccess: boolean;
  /** True if its limit ended it. */
  readonly isLate: boolean;
  /** Standard output and error in the order they came, without colours. */
  readonly output: string;
}

/**
 * Runs Deno with arguments, in a process group of its own that dies with this process.
 *
 * @returns Also after a failure; nothing is thrown for one.
 */
export async function runDeno(root: string, { args, env, isLive, limitMs, signal }: Command): Promise<Outcome> {
  if (signal.aborted) return { isSuccess: false, isLate: false, output: "" };
  const tied = Deno.build.os === "linux" ? ["setpriv", "--pdeathsig", "KILL", "--"] : [];
  const [program = Deno.execPath(), ...rest] = [...tied, Deno.execPath(), ...args];
  const child = new Deno.Command(program, {
    args: rest,
    cwd: root,
    env: { ...env, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    detached: true,
  }).spawn();
  const end = () => endGroup(child.pid);
  signal.addEventListener("abort", end, { once: true });
  const parts: string[] = [];
  const read = async (stream: ReadableStream<Uint8Array>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      parts.push(text);
      if (isLive) await Deno.stdout.write(new TextEncoder().encode(text));
    }
  };
  const reading = Promise.all([read(child.stdout), read(child.stderr)]);
  const ended = new AbortController();
  let isLate = false;
  const limit = systemClock.delay(limitMs, ended.signal).then(() => {
    if (ended.signal.aborted) return;
    isLate = true;
    end();
  });
  const status = await child.status;
  ended.abort();
  await limit;
  signal.removeEventListener("abort", end);
  // A grandchild that holds the pipe open must not hold up the gate.
  const patience = new AbortController();
  await Promise.race([reading, systemClock.delay(2_000, patience.signal)]);
  patience.abort();
  endGroup(child.pid);
  if (isLate) parts.push(`\nCannot finish: ${limitMs / 1000} s are over\n`);
  return { isSuccess: status.success && !signal.aborted, isLate, output: parts.join("") };
}

function endGroup(group: number): void {
  try {
    Deno.kill(-group, "SIGKILL");
  } catch {
    // Nobody of the group is left.
  }
}
