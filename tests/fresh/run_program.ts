import { UnavailableError } from "@mesh/base";

/**
 * Runs a program to its end.
 *
 * @param options `env`: its whole environment (default: this process's); `log`: receives each line as it comes.
 * @returns Its standard output.
 * @throws {UnavailableError} If it fails; the message ends with its last lines.
 */
export async function run(
  command: readonly string[],
  options: {
    readonly env?: Readonly<Record<string, string>>;
    readonly cwd?: string;
    readonly log?: (line: string) => void;
  },
): Promise<string> {
  const [program = "", ...args] = command;
  const child = new Deno.Command(program, {
    args,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: { ...options.env }, clearEnv: true }),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const lines: string[] = [];
  const read = async (stream: ReadableStream<Uint8Array>) => {
    let text = "";
    let rest = "";
    for await (const part of stream.pipeThrough(new TextDecoderStream())) {
      text += part;
      const complete = (rest + part).split("\n");
      rest = complete.pop() ?? "";
      for (const line of complete) {
        lines.push(line);
        options.log?.(line);
      }
    }
    return text;
  };
  const [status, output] = await Promise.all([child.status, read(child.stdout), read(child.stderr)]);
  if (!status.success) {
    const shown = command.map((word) => (word.length > 200 ? `${word.slice(0, 200)}…` : word)).join(" ");
    throw new UnavailableError(`Cannot run "${shown}": it ended with ${status.code}\n${lines.slice(-20).join("\n")}`);
  }
  return output;
}
