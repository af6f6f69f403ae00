import { UnavailableError } from "@mesh/base";

/** Where the peers' packages are. */
export interface PeersInstallation {
  /** Folder that holds `node_modules`. */
  readonly folder: string;
  /** The Node that they run on, a package like the others. */
  readonly node: string;
}

const manifests = ["package.json", "package-lock.json"];

/**
 * Installs the peers exactly as locked, once for each state of the lock file.
 *
 * @param stateFolder Outlives the bench; the installation has 440 MB.
 * @throws {UnavailableError} If `npm` is missing or cannot get the packages.
 */
export async function installPeers(stateFolder: string, log: (line: string) => void): Promise<PeersInstallation> {
  const source = new URL("../peers/", import.meta.url);
  const folder = `${stateFolder}/peers`;
  const lock = await Deno.readTextFile(new URL("package-lock.json", source));
  const architecture = Deno.build.arch === "aarch64" ? "arm64" : "x64";
  const installation = { folder, node: `${folder}/node_modules/node-linux-${architecture}/bin/node` };
  const mark = `${folder}/installed.lock.json`;
  if (await readOr(mark, "") === lock) return installation;
  log("installing the peers with npm");
  await Deno.mkdir(folder, { recursive: true });
  for (const name of manifests) await Deno.copyFile(new URL(name, source), `${folder}/${name}`);
  // Scripts of packages are not run: none is needed, and one of them only reports the installation to somebody.
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder];
  const { success, stderr } = await npm(args, folder);
  if (!success) throw new UnavailableError(`Cannot install the peers: ${new TextDecoder().decode(stderr).trim()}`);
  await Deno.writeTextFile(mark, lock);
  return installation;
}

async function npm(args: readonly string[], folder: string): Promise<Deno.CommandOutput> {
  try {
    return await new Deno.Command("npm", { args: [...args], cwd: folder }).output();
  } catch (error) {
    throw new UnavailableError("Cannot install the peers: there is no npm", { cause: error });
  }
}

async function readOr(path: string, fallback: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return fallback;
    throw error;
  }
}
