import { errorText } from "@mesh/base";
import { Command, CommanderError } from "commander";
import { CliError, type ExitCode, exitCodes } from "./exit_codes.ts";
import { plain, type Terminal } from "./terminal.ts";

/** What commands write with. */
export interface Output {
  readonly terminal: Terminal;
  /** Shows a result: as one JSON document if `--json` was given, else as text. */
  show(command: Command, result: { readonly json: unknown; readonly text: () => string }): void;
}

/** Adds commands to a program. */
export type AddCommands = (program: Command, output: Output) => void;

/** What a command line is made of. */
export interface CliOptions {
  /** Name of the program. */
  readonly name: string;
  readonly description: string;
  readonly commands: readonly AddCommands[];
  /** Shown below the help of the program. */
  readonly footer?: string;
  readonly terminal: Terminal;
}

/**
 * Runs one command line.
 *
 * @param args Without the program's own name.
 * @returns The exit code; see {@link exitCodes}. What went wrong was written to standard error.
 */
export async function runCli(args: readonly string[], options: CliOptions): Promise<ExitCode> {
  const { terminal } = options;
  const wantsJson = args.includes("--json");
  const program = programOf(options);
  try {
    await program.parseAsync([...args], { from: "user" });
    return exitCodes.ok;
  } catch (error) {
    // Commander has written its message itself; help that was asked for ends with 0, help for want of a command is an error.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    const exitCode = error instanceof CliError ? error.exitCode : exitCodes.failed;
    const message = errorText(error);
    if (message !== "") {
      terminal.err(
        wantsJson ? JSON.stringify({ error: message, exitCode }) : message.split("\n").map(plain).join("\n"),
      );
    }
    return exitCode;
  }
}

function programOf({ name, description, commands, footer, terminal }: CliOptions): Command {
  const program = new Command(name)
    .description(description)
    .option("--json", "print one JSON document instead of text")
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => terminal.out(text.replace(/\n$/, "")),
      writeErr: (text) => terminal.err(text.replace(/\n$/, "")),
      getOutHelpWidth: () => 100,
      getErrHelpWidth: () => 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .exitOverride();
  const output: Output = {
    terminal,
    show: (command, { json, text }) =>
      terminal.out(command.optsWithGlobals().json === true ? JSON.stringify(json, null, 2) : text()),
  };
  for (const add of commands) add(program, output);
  const codes = Object.entries(exitCodes).map(([word, code]) => `${code} ${wordsOf(word)}`).join(", ");
  program.addHelpText("afterAll", `\nExit codes: ${codes}.`);
  if (footer !== undefined) program.addHelpText("after", footer);
  return program;
}

function wordsOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
