import { ConfigError } from "@mesh/base";

type Named = Readonly<Record<string, unknown>> & { readonly name: string };

/** Lists of Kubernetes that are merged element by element, by name; all others are replaced as a whole. */
const listsByName: ReadonlySet<string> = new Set(["containers", "env"]);

/**
 * Applies a strategic merge patch: maps are merged, lists replaced, the lists named above merged by name.
 *
 * @throws {ConfigError} If the patch deletes something, which is not used here.
 */
export function mergePatch(target: unknown, patch: unknown, field = ""): unknown {
  if (patch === null || (isMap(patch) && "$patch" in patch)) {
    throw new ConfigError(`Cannot patch ${field}: patches here add and replace, they delete nothing`);
  }
  if (isMap(target) && isMap(patch)) {
    const merged = { ...target };
    for (const [key, value] of Object.entries(patch)) merged[key] = mergePatch(target[key], value, key);
    return merged;
  }
  if (Array.isArray(target) && isNamedList(patch) && listsByName.has(field)) return mergeByName(target, patch);
  return patch;
}

/** The patch's elements come first, in its order, each with what the target says of it: as kustomize does it. */
function mergeByName(target: readonly Named[], patch: readonly Named[]): readonly unknown[] {
  const merged = patch.map((change) => {
    const element = target.find(({ name }) => name === change.name);
    return element === undefined ? change : mergePatch(element, change, "element");
  });
  return [...merged, ...target.filter(({ name }) => !patch.some((change) => change.name === name))];
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isNamedList(value: unknown): value is readonly Named[] {
  return Array.isArray(value) && value.every((element) => isMap(element) && typeof element.name === "string");
}
