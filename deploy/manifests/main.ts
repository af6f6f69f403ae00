/**
 * `deno task manifests`: makes every file that follows from the contracts, renders every overlay into `deploy/rendered`,
 * compares that with what kustomize makes of it, and checks the result. `--check` changes nothing and fails where a file
 * differs from what would be made.
 *
 * @module
 */
import { errorText } from "@mesh/base";
import { checkManifests } from "./check/check_manifests.ts";
import { findingText } from "./check/finding.ts";
import { installations } from "./installation.ts";
import { differencesFromKustomize, findKustomize } from "./kustomize_program.ts";
import { generatedFolders, manifestFiles } from "./manifest_files.ts";
import { overlaysOf, renderInstallation } from "./overlays.ts";
import { renderFolder } from "./render.ts";
import { yamlText } from "./yaml_text.ts";

const root = new URL("../../", import.meta.url).pathname;
const read = (path: string) => Deno.readTextFileSync(root + path);

async function run(isCheckOnly: boolean): Promise<readonly string[]> {
  const drift = await writeFiles(isCheckOnly);
  const kustomize = await findKustomize();
  const faults = isCheckOnly ? drift : [];
  for (const installation of installations) {
    for (const folder of overlaysOf(installation)) {
      const manifests = renderFolder(folder, read);
      if (!isCheckOnly) await Deno.writeTextFile(renderedPath(folder), yamlText(manifests));
      console.log(`${folder}: ${manifests.length} objects`);
      if (kustomize !== undefined) {
        const differences = await differencesFromKustomize(kustomize, root + folder, manifests);
        faults.push(...differences.map((difference) => `${folder}: kustomize makes another ${difference}`));
      }
    }
    faults.push(...checkManifests(renderInstallation(installation, read), installation).map(findingText));
  }
  console.log(
    kustomize === undefined
      ? "not compared with kustomize: neither kustomize nor kubectl 1.21 or newer is here"
      : `compared with ${kustomize.join(" ")}`,
  );
  return faults;
}

/** @returns Files that differed from what is generated. */
async function writeFiles(isCheckOnly: boolean): Promise<string[]> {
  const files = manifestFiles();
  const drift: string[] = [];
  for (const [path, text] of files) {
    const found = await Deno.readTextFile(root + path).catch(() => undefined);
    if (found === text) continue;
    drift.push(`${path} is not what the contracts ask for: run \`make manifests\``);
    if (isCheckOnly) continue;
    const folder = path.replace(/\/?[^/]+$/, "");
    if (folder !== "") await Deno.mkdir(root + folder, { recursive: true });
    await Deno.writeTextFile(root + path, text);
    console.log(`${found === undefined ? "made" : "changed"} ${path}`);
  }
  for (const folder of generatedFolders) {
    for await (const path of yamlFilesIn(folder)) {
      if (files.has(path)) continue;
      drift.push(`${path} follows from no contract`);
      if (isCheckOnly) continue;
      await Deno.remove(root + path);
      console.log(`removed ${path}`);
    }
  }
  return drift;
}

async function* yamlFilesIn(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(root + folder)) {
    // What `deno task secrets` makes is nobody's to remove.
    if (isDirectory && name !== "files") yield* yamlFilesIn(`${folder}/${name}`);
    else if (name.endsWith(".yaml")) yield `${folder}/${name}`;
  }
}

function renderedPath(folder: string): string {
  return `${root}deploy/rendered/${folder.replaceAll("/", "-")}.yaml`;
}

try {
  const faults = await run(Deno.args.includes("--check"));
  for (const fault of faults) console.error(fault);
  console.log(faults.length === 0 ? "every check passed" : `${faults.length} checks failed`);
  Deno.exit(faults.length === 0 ? 0 : 1);
} catch (error) {
  console.error(errorText(error));
  Deno.exit(1);
}
