import { ConfigError } from "@mesh/base";
import { parseAllDocuments } from "yaml";
import type { Manifest } from "./cluster.ts";
import { type Kustomization, readKustomization } from "./kustomization.ts";
import { mergePatch } from "./merge_patch.ts";

/** Reads one file of the repository; throws if there is none. */
export type ReadText = (path: string) => string;

/**
 * Renders a folder the way kustomize does, as far as these manifests use kustomize.
 *
 * It stands beside the real program, so that the checks run where that is not installed; `make manifests` compares both
 * where it is.
 *
 * @param folder With a `kustomization.yaml`, relative to the root of the repository.
 * @throws {ConfigError} If two objects are one, or a patch, an image or a count fits none.
 * @throws {z.ZodError} If a kustomization uses what this does not know.
 */
export function renderFolder(folder: string, read: ReadText): readonly Manifest[] {
  const kustomization = readKustomization(parseOne(`${folder}/kustomization.yaml`, read));
  const { resources = [], components = [], patches = [], images = [], replicas = [] } = kustomization;
  const gathered = [
    ...resources.flatMap((path) => gather(`${folder}/${path}`, read)),
    ...generated(folder, kustomization, read),
    ...components.flatMap((path) => renderFolder(joined(folder, path), read)),
  ];
  refuseTwins(folder, gathered);
  const patched = patches.reduce<readonly Manifest[]>(
    (manifests, { path }) => applyPatch(manifests, parseOne(`${folder}/${path}`, read) as Manifest),
    gathered,
  );
  return withReplicas(withImages(patched, images), replicas);
}

/** Parses every document of a file. */
export function parseDocuments(path: string, text: string): readonly unknown[] {
  return parseAllDocuments(text, { uniqueKeys: true }).map((document) => {
    const [fault] = document.errors;
    if (fault !== undefined) throw new ConfigError(`Cannot read ${path}: ${fault.message}`, { cause: fault });
    return document.toJS() as unknown;
  });
}

/** Names an object as kustomize tells objects apart. */
export function idOf({ apiVersion, kind, metadata: { name, namespace = "" } }: Manifest): string {
  return `${apiVersion} ${kind} ${namespace}/${name}`;
}

function gather(path: string, read: ReadText): readonly Manifest[] {
  if (!path.endsWith(".yaml")) return renderFolder(joined(path, ""), read);
  return parseDocuments(path, read(path)) as readonly Manifest[];
}

function parseOne(path: string, read: ReadText): unknown {
  const [document, ...more] = parseDocuments(path, read(path));
  if (more.length > 0) throw new ConfigError(`Cannot read ${path}: it holds ${more.length + 1} documents`);
  return document;
}

/** Files become base64 in a secret and text in a config map. */
function generated(
  folder: string,
  { namespace, secretGenerator = [], configMapGenerator = [] }: Kustomization,
  read: ReadText,
): readonly Manifest[] {
  const contents = (files: readonly string[]) =>
    files.map((file) => {
      const [key = "", path = ""] = file.split("=");
      return [key, read(`${folder}/${path}`)] as const;
    });
  const metadataOf = (name: string) => ({ name, ...(namespace === undefined ? {} : { namespace }) });
  return [
    ...configMapGenerator.map(({ name, files }): Manifest => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: metadataOf(name),
      data: Object.fromEntries(contents(files)),
    })),
    ...secretGenerator.map(({ name, files }): Manifest => ({
      apiVersion: "v1",
      kind: "Secret",
      metadata: metadataOf(name),
      type: "Opaque",
      data: Object.fromEntries(
        contents(files).map(([key, text]) => [key, new TextEncoder().encode(text).toBase64()]),
      ),
    })),
  ];
}

function applyPatch(manifests: readonly Manifest[], patch: Manifest): readonly Manifest[] {
  const id = idOf(patch);
  if (!manifests.some((manifest) => idOf(manifest) === id)) {
    throw new ConfigError(`Cannot patch ${id}: there is none`);
  }
  return manifests.map((manifest) => idOf(manifest) === id ? mergePatch(manifest, patch) as Manifest : manifest);
}

function withImages(
  manifests: readonly Manifest[],
  images: NonNullable<Kustomization["images"]>,
): readonly Manifest[] {
  const wanted = new Map(images.map(({ name, newName, newTag }) => [name, `${newName}:${newTag}`]));
  const rename = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(rename);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => {
        const isImage = key === "image" && typeof inner === "string" && "name" in value;
        return [key, isImage ? wanted.get(inner) ?? inner : rename(inner)];
      }),
    );
  };
  return manifests.map((manifest) => rename(manifest) as Manifest);
}

function withReplicas(
  manifests: readonly Manifest[],
  replicas: NonNullable<Kustomization["replicas"]>,
): readonly Manifest[] {
  const isScaled = ({ kind }: Manifest) => kind === "StatefulSet" || kind === "Deployment";
  const names = new Set(manifests.filter(isScaled).map(({ metadata }) => metadata.name));
  const lost = replicas.filter(({ name }) => !names.has(name)).map(({ name }) => name);
  if (lost.length > 0) throw new ConfigError(`Cannot set replicas of ${lost.join(", ")}: there is no such workload`);
  const counts = new Map(replicas.map(({ name, count }) => [name, count]));
  return manifests.map((manifest) => {
    const count = counts.get(manifest.metadata.name);
    if (!isScaled(manifest) || count === undefined) return manifest;
    return { ...manifest, spec: { ...manifest.spec as Readonly<Record<string, unknown>>, replicas: count } };
  });
}

function refuseTwins(folder: string, manifests: readonly Manifest[]): void {
  const ids = manifests.map(idOf);
  const twins = [...new Set(ids.filter((id, index) => ids.indexOf(id) !== index))];
  if (twins.length > 0) throw new ConfigError(`Cannot render ${folder}: there are two of ${twins.join(", ")}`);
}

/** Resolves `..`; never leaves the repository. */
function joined(folder: string, path: string): string {
  return new URL(path, `file:///${folder}/`).pathname.slice(1).replace(/\/$/, "");
}
