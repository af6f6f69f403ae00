import type { Installation, Manifest } from "@jangteo/deploy/manifests";
import { renderInstallation } from "@jangteo/deploy/manifests";

const root = new URL("../../", import.meta.url);

/** Reads a file of the repository. */
export function readText(path: string): string {
  return Deno.readTextFileSync(new URL(path, root));
}

/** Lists all files under a folder of the repository. */
export function filesUnder(folder: string): readonly string[] {
  return [...Deno.readDirSync(new URL(`${folder}/`, root))].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesUnder(`${folder}/${name}`) : [`${folder}/${name}`]
  );
}

const known = new Map<string, readonly Manifest[]>();

/** Everything that an installation consists of, from the files in the repository; read once, because they are long. */
export function rendered(installation: Installation): readonly Manifest[] {
  const found = known.get(installation.name) ?? renderInstallation(installation, readText);
  known.set(installation.name, found);
  return found;
}

/** A value of JSON that a test changes in place. */
// deno-lint-ignore no-explicit-any -- Tests reach deep into documents of any kind.
export type Loose = any;

/**
 * Renders an installation with one object changed.
 *
 * @param kind Kind and name of the object, `Service orders`.
 * @param change Changes a copy in place.
 */
export function changed(
  installation: Installation,
  id: string,
  change: (manifest: Loose) => void,
): readonly Manifest[] {
  let found = 0;
  const manifests = rendered(installation).map((manifest) => {
    if (`${manifest.kind} ${manifest.metadata.name}` !== id) return manifest;
    found += 1;
    const copy = structuredClone(manifest);
    change(copy);
    return copy;
  });
  if (found !== 1) throw new RangeError(`Cannot change ${id}: there are ${found}`);
  return manifests;
}
