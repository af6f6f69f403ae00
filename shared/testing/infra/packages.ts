import { UnavailableError } from "@mesh/base";

/** Packages of Debian and Ubuntu that hold the servers. */
export const serverPackages = { rabbitmq: "rabbitmq-server", postgres: "postgresql" } as const;

const policyFile = "/usr/sbin/policy-rc.d";
/** Services that these packages would start now or at the next boot, on the ports that others may want. */
const units = ["rabbitmq-server.service", "postgresql.service", "epmd.service", "epmd.socket"];

/**
 * Says how this machine's packages can be installed without asking anybody.
 *
 * @returns The words to put before a command (none for root), or `undefined` where it cannot be done.
 */
export async function packageRights(): Promise<readonly string[] | undefined> {
  if (!(await succeeds(["apt-get", "--version"]))) return undefined;
  if (Deno.uid() === 0) return [];
  return await succeeds(["sudo", "-n", "true"]) ? ["sudo", "-n"] : undefined;
}

/**
 * Sees to it that a program is there that a test runs: one that this machine has, else the distribution's package of the
 * same name.
 *
 * @param name Program and package, such as `curl`; it must answer `--version`.
 * @param log Receives progress, one line at a time.
 * @throws {UnavailableError} If it is not there and cannot be installed.
 */
export async function provideProgram(name: string, log: (line: string) => void = () => {}): Promise<void> {
  if (await succeeds([name, "--version"])) return;
  const rights = await packageRights();
  if (rights === undefined) {
    throw new UnavailableError(`Cannot run ${name}: it is not on the PATH, and packages cannot be installed from here`);
  }
  await installPackages([name], rights, log);
}

/**
 * Installs server packages from the distribution and leaves none of their services running: the servers are started
 * from here, with data and ports of their own.
 *
 * @param packages Package names.
 * @param rights From `packageRights`.
 * @param log Receives progress, one line at a time.
 * @throws {UnavailableError} If apt fails; the message ends with its last lines.
 */
export async function installPackages(
  packages: readonly string[],
  rights: readonly string[],
  log: (line: string) => void,
): Promise<void> {
  log(`installing ${packages.join(" and ")} from the distribution (once; about a minute)`);
  const hadPolicy = await succeeds(["test", "-e", policyFile]);
  if (!hadPolicy) await keepServicesDown(rights);
  try {
    await runApt([...rights, "apt-get", "update", "-qq"], log);
    await runApt([
      ...[...rights, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "--no-install-recommends"],
      ...["-o", "Dpkg::Use-Pty=0", ...packages],
    ], log);
    // Only where systemd runs: it would start at the next boot what the policy kept down now.
    if (await succeeds(["test", "-d", "/run/systemd/system"])) {
      await succeeds([...rights, "systemctl", "disable", "--now", "--quiet", ...units]);
    }
  } finally {
    if (!hadPolicy) await succeeds([...rights, "rm", "-f", policyFile]);
  }
  log(`installed ${packages.join(" and ")}`);
}

async function keepServicesDown(rights: readonly string[]): Promise<void> {
  const script = `printf '#!/bin/sh\\nexit 101\\n' > ${policyFile} && chmod 755 ${policyFile}`;
  if (!(await succeeds([...rights, "sh", "-c", script]))) {
    throw new UnavailableError(`Cannot install packages: ${policyFile} cannot be written`);
  }
}

async function runApt(command: readonly string[], log: (line: string) => void): Promise<void> {
  const [program, ...args] = command as [string, ...string[]];
  const child = new Deno.Command(program, { args, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
  const lastLines: string[] = [];
  const read = async (stream: ReadableStream<Uint8Array>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      for (const line of text.split("\n").filter((part) => part.trim() !== "")) {
        lastLines.push(line);
        if (lastLines.length > 20) lastLines.shift();
        if (/^(Need to get|Setting up (rabbitmq|postgresql-\d))/.test(line)) log(line.trim());
      }
    }
  };
  const [status] = await Promise.all([child.status, read(child.stdout), read(child.stderr)]);
  if (!status.success) {
    throw new UnavailableError(
      `Cannot run "${command.join(" ")}": it ended with ${status.code}\n${lastLines.join("\n")}`,
    );
  }
}

async function succeeds(command: readonly string[]): Promise<boolean> {
  const [program, ...args] = command as [string, ...string[]];
  try {
    const child = new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" });
    return (await child.output()).success;
  } catch {
    // There is no such program.
    return false;
  }
}
