import type { Manifest } from "./cluster.ts";
import type { Installation } from "./installation.ts";
import { type ReadText, renderFolder } from "./render.ts";

/** The overlays of an installation: the shop itself, and what the mesh enforces around it. */
export function overlaysOf({ name }: Installation): readonly string[] {
  return [`deploy/overlays/${name}`, `istio/overlays/${name}`];
}

/** Renders everything that an installation consists of. */
export function renderInstallation(installation: Installation, read: ReadText): readonly Manifest[] {
  return overlaysOf(installation).flatMap((folder) => renderFolder(folder, read));
}
