/** What the exit code of a command says. */
export const exitCodes = Object.freeze({
  ok: 0,
  /** It was tried and failed, or what was looked at is not as it should be. */
  failed: 1,
  /** The command line, or something in it, is wrong. */
  usage: 2,
  notFound: 3,
  /** Nobody is logged in, or who is lacks the right. */
  notAllowed: 4,
  /** A service does not answer, or not now. */
  unavailable: 5,
  /** A comparison found differences. */
  differs: 6,
});

/** One of {@link exitCodes}. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Ends a command with an exit code; the message goes to standard error, an empty one is not shown. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
