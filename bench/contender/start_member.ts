import { spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";

/** A process of a contender beside its first one. */
export interface MemberSpec {
  /** For messages. */
  readonly name: string;
  /** Arguments for the runtime that this process runs on; or another program with its arguments. */
  readonly command: readonly string[];
  /** Absent for the runtime of this process. */
  readonly program?: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly workDir?: string;
}

/** A running process, which dies with this one. */
export interface Member {
  readonly pid: number;
  /**
   * Waits for a line on its standard output.
   *
   * @throws {Error} If it ends first.
   */
  untilLine(wanted: RegExp): Promise<string>;
  /** Asks it to end, and ends it if it does not. */
  stop(): Promise<void>;
}

/** 10 s: what a drain may take. */
const stopLimitMs = 10_000;

/** Starts a process; what it says on standard error goes where this one's does. */
export function startMember({ name, program = process.execPath, command, env, workDir }: MemberSpec): Member {
  // The kernel ends it when this process dies without a word.
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", program, ...command], {
    env: { ...env },
    stdio: ["ignore", "pipe", "inherit"],
    ...(workDir === undefined ? {} : { cwd: workDir }),
  });
  const waiting = new Set<{ readonly wanted: RegExp; resolve(line: string): void }>();
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => {
    // What came before somebody asked, as far as it matters: the first lines of a start.
    if (lines.length < 100) lines.push(line);
    for (const one of waiting) if (one.wanted.test(line)) one.resolve(line);
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  return {
    pid: child.pid!,
    untilLine: async (wanted) => {
      const known = lines.find((line) => wanted.test(line));
      if (known !== undefined) return known;
      const found = new Promise<string>((resolve) => waiting.add({ wanted, resolve }));
      const failed = ended.then(() => {
        throw new Error(`Cannot start ${name}: it has ended`);
      });
      return await Promise.race([found, failed]);
    },
    stop: async () => {
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), stopLimitMs);
      await ended;
      clearTimeout(late);
    },
  };
}
