import { ConfigError } from "@mesh/base";
import { isDeepStrictEqual } from "node:util";
import type { Manifest } from "./cluster.ts";
import { idOf, parseDocuments } from "./render.ts";

/**
 * Finds the real kustomize.
 *
 * @returns The command that renders a folder; `undefined` where there is none, or one too old to know components.
 */
export async function findKustomize(): Promise<readonly string[] | undefined> {
  if ((await output(["kustomize", "version"])) !== undefined) return ["kustomize", "build"];
  const version = await output(["kubectl", "version", "--client", "--output=json"]);
  if (version === undefined) return undefined;
  const { clientVersion } = JSON.parse(version) as { readonly clientVersion: { readonly minor: string } };
  return Number.parseInt(clientVersion.minor) >= 21 ? ["kubectl", "kustomize"] : undefined;
}

/**
 * Renders a folder with kustomize.
 *
 * @returns Names of the objects in which it differs from `manifests`; the order of objects does not matter.
 * @throws {ConfigError} If kustomize refuses.
 */
export async function differencesFromKustomize(
  command: readonly string[],
  folder: string,
  manifests: readonly Manifest[],
): Promise<readonly string[]> {
  const text = await output([...command, folder]);
  if (text === undefined) throw new ConfigError(`Cannot render ${folder}: ${command.join(" ")} failed`);
  const theirs = new Map((parseDocuments(folder, text) as readonly Manifest[]).map((each) => [idOf(each), each]));
  const ours = new Map(manifests.map((each) => [idOf(each), each]));
  return [...new Set([...theirs.keys(), ...ours.keys()])].filter((id) =>
    !isDeepStrictEqual(theirs.get(id), ours.get(id))
  );
}

/** @returns What a program printed; `undefined` if it is not there or failed, which it says on its own. */
async function output([program = "", ...args]: readonly string[]): Promise<string | undefined> {
  try {
    const result = await new Deno.Command(program, { args: [...args], stderr: "inherit" }).output();
    return result.success ? new TextDecoder().decode(result.stdout) : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
