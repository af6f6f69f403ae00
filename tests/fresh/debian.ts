import { UnavailableError } from "@mesh/base";
import { installPackages, packageRights } from "@mesh/testing/infra";
import { run } from "./run_program.ts";

/** A Debian system in a folder, made by debootstrap. */
export interface DebianPlan {
  /** Folder to make it in; left as it is if it is complete already. */
  readonly folder: string;
  /** `bookworm`, `trixie`, `testing`. */
  readonly suite: string;
  /** Packages beyond the minimal system. */
  readonly packages: readonly string[];
  readonly log: (line: string) => void;
}

/** Settings of this machine that a system on it needs to reach the same package sources. */
const hostFiles = ["/etc/resolv.conf", "/etc/hosts", "/etc/apt/apt.conf"];
const hostFolders = ["/etc/apt/auth.conf.d", "/usr/local/share/ca-certificates"];

/**
 * Makes a minimal Debian with some packages, once; about a minute and half a gigabyte.
 *
 * Signatures of the packages are verified, as always; only the expiry date of the release file is not, because a
 * mirror may lag behind.
 *
 * @throws {UnavailableError} If this is not root on Debian, or a step fails.
 */
export async function buildDebian({ folder, suite, packages, log }: DebianPlan): Promise<void> {
  const marker = `${folder}/etc/jangteo.built`;
  const wanted = packages.join(" ");
  if (await readIfThere(marker) === wanted) return log(`${suite} with ${wanted} is there already`);
  await requireTools(log);
  await Deno.remove(folder, { recursive: true }).catch(ignoreAbsence);
  await Deno.mkdir(folder, { recursive: true });
  log(`building Debian ${suite} in ${folder}`);
  const mirror = findMirror();
  await run(["debootstrap", "--variant=minbase", suite, folder, ...(mirror === undefined ? [] : [mirror])], { log });
  await copyHostSettings(folder);
  // Nothing that a package installs may start by itself.
  await Deno.writeTextFile(`${folder}/usr/sbin/policy-rc.d`, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  await Deno.writeTextFile(
    `${folder}/etc/apt/apt.conf.d/10jangteo`,
    'Acquire::Check-Valid-Until "false";\nAPT::Install-Recommends "false";\nDpkg::Use-Pty "0";\n',
  );
  const script = `apt-get update -q && apt-get install -q -y ca-certificates ${wanted} && update-ca-certificates && ` +
    "apt-get clean";
  log(`installing ${wanted}`);
  await run(inSystem(folder, script), { env: { ...systemEnvironment(), DEBIAN_FRONTEND: "noninteractive" }, log });
  await Deno.remove(`${folder}/usr/sbin/policy-rc.d`);
  await Deno.writeTextFile(marker, wanted);
}

/**
 * Makes a command that runs a shell script in another system, as process 1 of a process space of its own: when the
 * script ends or is killed, everything it started is killed with it, and its mounts vanish.
 */
export function inSystem(folder: string, script: string): string[] {
  const mounts =
    'mount -t proc proc "$0/proc" && mount -t tmpfs tmpfs "$0/dev/shm" && exec chroot "$0" /bin/sh -c "$1"';
  return [
    ...["unshare", "--pid", "--mount", "--fork", "--kill-child", "--propagation", "private"],
    ...["sh", "-c", `mkdir -p "$0/proc" "$0/dev/shm" && ${mounts}`, folder, script],
  ];
}

/** The environment of a fresh log-in, with this machine's way to the network. */
export function systemEnvironment(): Record<string, string> {
  const passedOn =
    /^(https?_proxy|no_proxy|npm_config_\w+|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|DENO_CERT|DENO_TLS_CA_STORE)$/i;
  const network = Object.entries(Deno.env.toObject()).filter(([name]) => passedOn.test(name));
  return {
    ...Object.fromEntries(network),
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    HOME: "/root",
    LANG: "C.UTF-8",
  };
}

async function requireTools(log: (line: string) => void): Promise<void> {
  if (Deno.uid() !== 0) throw new UnavailableError("Cannot build a Debian system: this needs root");
  const hasTool = await readIfThere("/usr/sbin/debootstrap") !== undefined;
  const rights = await packageRights();
  if (rights === undefined) throw new UnavailableError("Cannot build a Debian system: this is not Debian or Ubuntu");
  if (!hasTool) await installPackages(["debootstrap", "debian-archive-keyring"], rights, log);
}

/** The mirror that this machine itself uses, so that no other host has to be reachable. */
function findMirror(): string | undefined {
  const files = ["/etc/apt/sources.list"];
  try {
    for (const { name } of Deno.readDirSync("/etc/apt/sources.list.d")) files.push(`/etc/apt/sources.list.d/${name}`);
  } catch (error) {
    ignoreAbsence(error);
  }
  const texts = files.map((file) => {
    try {
      return Deno.readTextFileSync(file);
    } catch (error) {
      ignoreAbsence(error);
      return "";
    }
  });
  const lines = texts.join("\n").split("\n").filter((line) => !line.trimStart().startsWith("#"));
  return /https?:\/\/\S+\/debian\/?(?=\s|$)/.exec(lines.join("\n"))?.[0];
}

async function copyHostSettings(folder: string): Promise<void> {
  for (const file of hostFiles) await Deno.copyFile(file, folder + file).catch(ignoreAbsence);
  for (const source of hostFolders) {
    await run(
      ["sh", "-c", 'if [ -d "$0" ]; then mkdir -p "$1" && cp -aL "$0/." "$1"; fi', source, folder + source],
      {},
    );
  }
  // npm's settings of this machine and of this account, where npm on Debian looks for them.
  for (const [key, target] of [["globalconfig", "/etc/npmrc"], ["userconfig", "/root/.npmrc"]] as const) {
    const path = await run(["npm", "config", "get", key], {}).then((text) => text.trim(), () => "");
    if (path !== "") await Deno.copyFile(path, folder + target).catch(ignoreAbsence);
  }
  await Deno.copyFile("/etc/npmrc", `${folder}/etc/npmrc`).catch(ignoreAbsence);
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    ignoreAbsence(error);
    return undefined;
  }
}

function ignoreAbsence(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
