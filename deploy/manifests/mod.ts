/**
 * Everything that runs the shop in containers, generated from the services' contracts: manifests of Kubernetes, RabbitMQ's
 * operators and Istio, and the Compose file; and the checks that hold them to it.
 *
 * @module
 */
export { composeEnvironment, composeFile } from "../compose/compose_file.ts";
export { composeSchema } from "../compose/compose_schema.ts";
export { checkManifests } from "./check/check_manifests.ts";
export { checkSchemas } from "./check/check_schemas.ts";
export { type Finding, findingText } from "./check/finding.ts";
export { databaseHost, type Manifest, principal } from "./cluster.ts";
export { type PublicRequests, publicRequests } from "./edge.ts";
export { dev, type Installation, installations, prod } from "./installation.ts";
export { accessEdges } from "./istio_files.ts";
export { generatedFolders, type ManifestFiles, manifestFiles } from "./manifest_files.ts";
export { mergePatch } from "./merge_patch.ts";
export { overlaysOf, renderInstallation } from "./overlays.ts";
export { idOf, parseDocuments, type ReadText, renderFolder } from "./render.ts";
export { type WantedSecret, wantedSecrets } from "./secret_names.ts";
export { serviceVariables } from "./service_environment.ts";
