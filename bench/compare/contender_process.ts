import { errorText, systemClock, UnavailableError } from "@mesh/base";
import { type Order, readReport, type Report } from "../contender/protocol.ts";

/** Which program to run as a contender. */
export interface ContenderProgram {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** Receives what it says beside its reports. */
  readonly onLine: (line: string) => void;
  /** Ends every wait for it, and then the process itself, without asking it to stop. */
  readonly signal: AbortSignal;
}

type ReportName = "ready" | "measuring" | "result";
type ReportOf<N extends ReportName> = Extract<Report, Readonly<Record<N, unknown>>>;

/** A contender's first process, which dies with this one. */
export class ContenderProcess implements AsyncDisposable {
  readonly pid: number;
  readonly #name: string;
  readonly #process: Deno.ChildProcess;
  readonly #orders: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reports: ReadableStreamDefaultReader<Report>;
  readonly #signal: AbortSignal;

  /** Starts it. */
  constructor({ name, command, onLine, signal }: ContenderProgram) {
    this.#name = name;
    this.#signal = signal;
    this.#process = new Deno.Command("setpriv", {
      // The kernel ends it when this process dies without a word.
      args: ["--pdeathsig", "KILL", "--", ...command],
      // In a group of its own: Ctrl-C in a terminal reaches the bench, which then stops it in good order.
      detached: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.pid = this.#process.pid;
    this.#orders = this.#process.stdin.getWriter();
    this.#reports = linesOf(this.#process.stdout).pipeThrough(reportsOnly(onLine)).getReader();
    void linesOf(this.#process.stderr).pipeTo(new WritableStream({ write: onLine }));
  }

  /** Says something to it. */
  async order(order: Order): Promise<void> {
    await this.#orders.write(new TextEncoder().encode(`${JSON.stringify(order)}\n`));
  }

  /**
   * Waits for its next report, which is to be of this kind.
   *
   * @throws {UnavailableError} If it says something else, ends, or stays silent for `limitMs`.
   */
  async next<N extends ReportName>(wanted: N, limitMs: number): Promise<ReportOf<N>> {
    const waiting = new AbortController();
    const ending = AbortSignal.any([waiting.signal, this.#signal]);
    const late = systemClock.delay(limitMs, ending).then(() => "late" as const);
    try {
      const read = await Promise.race([this.#reports.read(), late]);
      const report = read === "late" ? undefined : read.value;
      if (report !== undefined && wanted in report) return report as ReportOf<N>;
      const found = read === "late"
        ? this.#signal.aborted ? "it was told to end" : `it said nothing for ${limitMs} ms`
        : said(report);
      throw new UnavailableError(`Cannot go on with ${this.#name}: ${found}`, { dependency: this.#name });
    } finally {
      waiting.abort();
    }
  }

  /** Asks it to stop, and ends it after 60 s, longer than any drain. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#signal.aborted) this.#process.kill("SIGKILL");
    await this.order({ stop: true }).catch(() => {});
    await this.#orders.close().catch(() => {});
    const waiting = new AbortController();
    const isLate = systemClock.delay(60_000, waiting.signal).then(() => true);
    if (await Promise.race([this.#process.status.then(() => false), isLate])) this.#process.kill("SIGKILL");
    waiting.abort();
    await this.#process.status;
    await this.#reports.cancel().catch((error) => console.error(errorText(error)));
  }
}

function said(report: Report | undefined): string {
  if (report === undefined) return "it has ended";
  return "failed" in report ? report.failed : `it said ${JSON.stringify(report)}`;
}

function linesOf(stream: ReadableStream<Uint8Array>): ReadableStream<string> {
  let rest = "";
  return stream.pipeThrough(new TextDecoderStream()).pipeThrough(
    new TransformStream<string, string>({
      transform: (text, controller) => {
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) controller.enqueue(line);
      },
    }),
  );
}

function reportsOnly(onLine: (line: string) => void): TransformStream<string, Report> {
  return new TransformStream({
    transform: (line, controller) => {
      const report = readReport(line);
      if (report === undefined) onLine(line);
      else controller.enqueue(report);
    },
  });
}
