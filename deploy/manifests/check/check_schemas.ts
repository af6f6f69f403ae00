import { errorText } from "@mesh/base";
import type { ZodType } from "zod";
import type { Manifest } from "../cluster.ts";
import type { Finding } from "./finding.ts";
import { modelKinds } from "./known_kinds.ts";
import { rabbitmqKinds } from "./rabbitmq_kinds.ts";
import { unreadFields } from "./watched_fields.ts";

const rule = "schema";

/** Every object fits the schema of its kind, and has no field that the schema does not name. */
export function checkSchemas(manifests: readonly Manifest[]): readonly Finding[] {
  return manifests.flatMap((manifest) =>
    faultsOf(manifest).map((message) => ({ rule, object: nameOf(manifest), message }))
  );
}

/** Kind and name, for findings. */
export function nameOf({ kind, metadata }: Manifest): string {
  return `${kind} ${metadata.name}`;
}

function faultsOf(manifest: Manifest): readonly string[] {
  const { apiVersion, kind } = manifest;
  if (apiVersion === "rabbitmq.com/v1beta1" && Object.hasOwn(rabbitmqKinds, kind)) {
    return zodFaults(rabbitmqKinds[kind as keyof typeof rabbitmqKinds], manifest);
  }
  const model = modelKinds.find((known) => known.apiVersion === apiVersion && known.kind === kind);
  if (model === undefined) return [`${apiVersion} ${kind} is no kind that is used here`];
  const faults: string[] = [];
  const unread = unreadFields(manifest, (watched) => {
    try {
      model.prototype.validate.call(watched);
    } catch (error) {
      faults.push(errorText(error));
    }
  });
  return [...faults, ...unread.map((path) => `there is no field ${path}`)];
}

function zodFaults(schema: ZodType, manifest: Manifest): readonly string[] {
  const result = schema.safeParse(manifest);
  if (result.success) return [];
  return result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
}
