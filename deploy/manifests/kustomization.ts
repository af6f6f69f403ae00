import { z } from "zod";

const Named = z.string().min(1);
const Generator = z.strictObject({ name: Named, files: z.array(z.string().regex(/^[^=]+=[^=]+$/)) });

/** The part of kustomize that is used here; anything else is refused rather than ignored. */
const schema = z.strictObject({
  apiVersion: z.enum(["kustomize.config.k8s.io/v1beta1", "kustomize.config.k8s.io/v1alpha1"]),
  kind: z.enum(["Kustomization", "Component"]),
  namespace: Named.optional(),
  resources: z.array(Named).optional(),
  components: z.array(Named).optional(),
  /** Strategic merge patches, one file each. */
  patches: z.array(z.strictObject({ path: Named })).optional(),
  images: z.array(z.strictObject({ name: Named, newName: Named, newTag: Named })).optional(),
  replicas: z.array(z.strictObject({ name: Named, count: z.int().min(0) })).optional(),
  generatorOptions: z.strictObject({ disableNameSuffixHash: z.literal(true) }).optional(),
  secretGenerator: z.array(Generator).optional(),
  configMapGenerator: z.array(Generator).optional(),
});

/** A `kustomization.yaml`. */
export type Kustomization = z.output<typeof schema>;

/** Writes a kustomization; empty lists are left out. */
export function kustomizationOf(
  kind: Kustomization["kind"],
  fields: Omit<Kustomization, "apiVersion" | "kind">,
): Kustomization {
  const version = kind === "Component" ? "v1alpha1" : "v1beta1";
  const filled = Object.entries(fields).filter(([, value]) => !Array.isArray(value) || value.length > 0);
  return readKustomization({
    apiVersion: `kustomize.config.k8s.io/${version}`,
    kind,
    ...Object.fromEntries(filled),
  });
}

/**
 * Reads a kustomization.
 *
 * @param document Parsed YAML.
 * @throws {z.ZodError} If it uses anything that {@link Kustomization} does not name.
 */
export function readKustomization(document: unknown): Kustomization {
  return schema.parse(document);
}
