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
   * Waits for a line on its standard output that comes from now on.
   *
   * @throws {Error} If it ends first.
   */
  untilLine(wanted: RegExp): Promise<string>;
  /**
   * Sends it a signal and waits for the line that it answers with.
   *
   * @throws {Error} If it ends first.
   */
  ask(signal: "SIGUSR2", wanted: RegExp): Promise<string>;
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
  const waiting = new Set<(line: string) => void>();
  createInterface({ input: child.stdout! }).on("line", (line) => waiting.forEach((look) => look(line)));
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const untilLine = async (wanted: RegExp) => {
    const found = new Promise<string>((resolve) => {
      const look = (line: string) => {
        if (!wanted.test(line)) return;
        waiting.delete(look);
        resolve(line);
      };
      waiting.add(look);
    });
    const failed = ended.then(() => {
      throw new Error(`Cannot go on with ${name}: it has ended`);
    });
    return await Promise.race([found, failed]);
  };
  return {
    pid: child.pid!,
    untilLine,
    ask: async (signal, wanted) => {
      const answer = untilLine(wanted);
      child.kill(signal);
      return await answer;
    },
    stop: async () => {
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), stopLimitMs);
      await ended;
      clearTimeout(late);
    },
  };
}
