/**
 * The shop's command line: `deno task mesh --help`.
 *
 * @module
 */
import { errorText, systemClock } from "@mesh/base";
import { CliError, exitCodes, runCli } from "@mesh/cli";
import { denoTerminal } from "./deno_terminal.ts";
import { meshEnvironment } from "./mesh_environment.ts";
import { meshProgram } from "./mesh_program.ts";
import { sessionFile } from "./session_file.ts";

if (import.meta.main) Deno.exit(await run());

async function run(): Promise<number> {
  try {
    const environment = meshEnvironment((name) => Deno.env.get(name));
    const program = meshProgram({
      environment,
      file: sessionFile(environment.sessionPath),
      send: (url, init) => fetch(url, init),
      clock: systemClock,
      terminal: denoTerminal(),
    });
    return await runCli(Deno.args, program);
  } catch (error) {
    console.error(errorText(error));
    return error instanceof CliError ? error.exitCode : exitCodes.failed;
  }
}
