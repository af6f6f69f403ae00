import { CliError, exitCodes } from "./exit_codes.ts";
import type { AddCommands } from "./program.ts";
import type { Session } from "./session.ts";

/** What logging in needs. */
export interface SessionCommandOptions {
  readonly session: Session;
  /** The password, where the environment has it. */
  readonly password?: string;
}

/** `login` and `logout`. */
export function sessionCommands({ session, password: given }: SessionCommandOptions): AddCommands {
  return (program, output) => {
    program.command("login")
      .description("log in at the gateway; the session is kept for the commands that follow")
      .requiredOption("--email <address>", "of the account")
      .addHelpText("after", "\nThe password is asked for, or read from MESH_PASSWORD, or from standard input.")
      .action(async (options: { email: string }, command) => {
        const password = given ?? await output.terminal.ask(`Password of ${options.email}: `, true);
        if (!password) throw new CliError(exitCodes.usage, "Cannot log in: no password was given");
        const scopes = await session.logIn(options.email, password);
        output.show(command, { json: { scopes }, text: () => `Logged in; this account may: ${scopes.join(", ")}` });
      });
    program.command("logout")
      .description("end the session")
      .action(async (_options, command) => {
        const loggedOut = await session.logOut();
        output.show(command, {
          json: { loggedOut },
          text: () => loggedOut ? "Logged out" : "Nobody was logged in",
        });
      });
  };
}
