import type { Manifest } from "../cluster.ts";
import type { Installation } from "../installation.ts";
import { checkAccess } from "./check_access.ts";
import { checkEdge, checkNamespaces } from "./check_edge.ts";
import { checkNetwork } from "./check_network.ts";
import { checkPermissions, checkSettings } from "./check_permissions.ts";
import { checkPods } from "./check_pods.ts";
import { checkSchemas } from "./check_schemas.ts";
import { checkServices } from "./check_services.ts";
import { checkTopology } from "./check_topology.ts";
import type { Finding } from "./finding.ts";

/**
 * Checks everything that an installation consists of, `deploy/` and `istio/` together.
 *
 * @returns What is wrong; the rules about meaning are only asked where every object fits its schema.
 */
export function checkManifests(manifests: readonly Manifest[], installation: Installation): readonly Finding[] {
  const faults = checkSchemas(manifests);
  if (faults.length > 0) return faults;
  return [
    ...checkNamespaces(manifests),
    ...checkPods(manifests),
    ...checkServices(manifests),
    ...checkPermissions(manifests, installation),
    ...checkSettings(manifests, installation),
    ...checkTopology(manifests, installation),
    ...checkNetwork(manifests),
    ...checkAccess(manifests, installation),
    ...checkEdge(manifests, installation),
  ];
}
