import { systemClock, UnavailableError } from "@mesh/base";
import { inSystem, systemEnvironment } from "./debian.ts";

/** What is run in a fresh system and how long it may take. */
export interface SessionPlan {
  /** Folder with the system. */
  readonly folder: string;
  /** Words typed at the prompt, in the folder of the clone. */
  readonly command: string;
  /** Account to run as: root, or an ordinary user with a home of the same name. */
  readonly user: string;
  /** Press Ctrl-C once a line begins with this; absent: the command ends by itself. */
  readonly interruptAt?: string;
  /** From start to that line, or to the end. */
  readonly limitMs: number;
  readonly log: (line: string) => void;
}

/** How a session went. */
export interface SessionResult {
  /** Until the awaited line, or the end. */
  readonly durationMs: number;
  /** Exit code of the command; what a shell makes of Ctrl-C if it was interrupted. */
  readonly code: number;
  /** Command lines of processes that were still there after the command had ended. */
  readonly leftovers: readonly string[];
  readonly lines: readonly string[];
}

/** 60 s: RabbitMQ takes 6 s to stop in good order, a supervisor gives its services 30 s. */
const stopLimitMs = 60_000;

/**
 * Runs a command as somebody at a terminal would, in a process space of its own, and counts what it leaves behind.
 *
 * @throws {UnavailableError} If a limit is passed; everything it started is killed.
 */
export async function runSession(plan: SessionPlan): Promise<SessionResult> {
  const { folder, interruptAt, limitMs, log } = plan;
  const [program = "", ...args] = inSystem(folder, sessionScript(plan));
  const child = new Deno.Command(program, {
    args,
    env: systemEnvironment(),
    clearEnv: true,
    detached: true,
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const startedMs = systemClock.monotonicMs();
  let awaitedMs: number | undefined;
  const lines: string[] = [];
  const limit = new AbortController();
  // The unshare process ends its whole process space with it.
  const endAfter = (durationMs: number, signal: AbortSignal) =>
    systemClock.delay(durationMs, signal).then(() => signal.aborted || child.kill("SIGKILL"));
  const limits = [endAfter(limitMs, limit.signal)];
  let rest = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    const complete = (rest + text).split("\n");
    rest = complete.pop() ?? "";
    for (const line of complete) {
      lines.push(line);
      if (!line.startsWith(reportMark)) log(line);
      if (interruptAt === undefined || awaitedMs !== undefined || !line.startsWith(interruptAt)) continue;
      awaitedMs = systemClock.monotonicMs();
      limit.abort();
      // What a terminal does on Ctrl-C: everything in the foreground gets it.
      Deno.kill(-child.pid, "SIGINT");
      limits.push(endAfter(stopLimitMs, limit.signal));
    }
  }
  await child.status;
  const durationMs = (awaitedMs ?? systemClock.monotonicMs()) - startedMs;
  limit.abort();
  await Promise.all(limits);
  return readReport(plan, lines, durationMs);
}

const reportMark = "session-report ";

function readReport(plan: SessionPlan, lines: readonly string[], durationMs: number): SessionResult {
  const report = lines.filter((line) => line.startsWith(reportMark)).map((line) => line.slice(reportMark.length));
  const code = report.find((line) => line.startsWith("code "))?.slice("code ".length);
  if (code === undefined) {
    throw new UnavailableError(
      `Cannot finish "${plan.command}" as ${plan.user}: a limit was passed after ${durationMs} ms`,
    );
  }
  return {
    durationMs,
    code: Number(code),
    leftovers: report.filter((line) => line.startsWith("left ")).map((line) => line.slice("left ".length)),
    lines: lines.filter((line) => !line.startsWith(reportMark)),
  };
}

/** Process 1 of the session: runs the command, then reports its code and who is still there. */
function sessionScript({ command, user }: SessionPlan): string {
  const typed = user === "root"
    ? `cd /root/jangteo && exec ${command}`
    : `cd /home/${user}/jangteo && exec setpriv --reuid=${user} --regid=${user} --init-groups ` +
      `env HOME=/home/${user} USER=${user} ${command}`;
  return [
    // A handler and not "ignore": children would inherit that.
    "trap : INT",
    `( ${typed} )`,
    `echo "${reportMark}code $?"`,
    // What is ending right now is given two seconds. Zombies have no command line.
    "for try in 1 2 3 4 5 6 7 8 9 10; do",
    '  left=""',
    "  for folder in /proc/[0-9]*; do",
    '    line=$(tr "\\0" " " <$folder/cmdline 2>/dev/null)',
    '    [ $folder = /proc/1 ] || [ -z "$line" ] || left="$left${folder#/proc/} $line@"',
    "  done",
    '  [ -z "$left" ] && break',
    "  sleep 0.2",
    "done",
    `printf %s "$left" | tr "@" "\\n" | sed "s/^/${reportMark}left /"`,
    "exit 0",
  ].join("\n");
}
