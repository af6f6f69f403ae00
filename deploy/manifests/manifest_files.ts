import type { ServiceDefinition } from "@mesh/contract";
import { emitPolicy, services, shopTopology } from "../topology.ts";
import { composeFile } from "../compose/compose_file.ts";
import { brokerCluster, brokerDisruptionBudget } from "./broker_cluster.ts";
import { topologyResources } from "./broker_topology.ts";
import { labelsOf, type Manifest, migrationAccount, namespace, policyMap, settingsMap, simulators } from "./cluster.ts";
import { dev, type Installation, installations } from "./installation.ts";
import { istioFiles } from "./istio_files.ts";
import { type Kustomization, kustomizationOf } from "./kustomization.ts";
import { migrationJobs } from "./migration_jobs.ts";
import {
  brokerPolicy,
  databasePolicy,
  externalPolicy,
  namespacePolicies,
  servicePolicies,
  storefrontPolicy,
} from "./network_policy.ts";
import { databaseServices, postgres, postgresObjects } from "./postgres.ts";
import { wantedSecrets } from "./secret_names.ts";
import { policyFile } from "./service_environment.ts";
import { accountOf, disruptionBudgetOf, serviceOf } from "./service_objects.ts";
import { externalCalls, simulatorObjects } from "./simulators.ts";
import { workloadOf, workloadPatch } from "./workload.ts";
import { yamlText } from "./yaml_text.ts";

/** Folders in which every YAML file is generated. */
export const generatedFolders: readonly string[] = Object.freeze([
  "deploy/base",
  "deploy/components",
  "deploy/overlays",
  "istio",
]);

/** Generated files: text by path, relative to the root of the repository. */
export type ManifestFiles = ReadonlyMap<string, string>;

/** What the base describes, before an overlay changes it. */
const basis = Object.freeze({ external: dev.external, hasSeedAccounts: false });

/** Makes every file that follows from the contracts. */
export function manifestFiles(): ManifestFiles {
  const folders = [
    ...Object.entries(baseFolder()),
    ...Object.entries(componentFolders()),
    ...installations.flatMap((installation) => Object.entries(overlayFolder(installation))),
    ...Object.entries(secretsFolder()),
    ...istioFiles(installations),
  ];
  const compose = ["docker-compose.yml", [composeFile()]] as const;
  return new Map([...folders, compose].map(([path, documents]) => [path, yamlText(documents)]));
}

type Folder = Readonly<Record<string, readonly (Manifest | Kustomization)[]>>;

function baseFolder(): Folder {
  const files: Record<string, readonly Manifest[]> = {
    "namespace.yaml": [namespaceObject(), ...namespacePolicies()],
    "emit-policy.yaml": [policyObject()],
    "rabbitmq.yaml": [brokerPolicy()],
    "databases.yaml": [databasePolicy()],
    ...Object.fromEntries(services.map((service) => [`${service.name}.yaml`, serviceObjects(service)])),
  };
  const kustomization = kustomizationOf("Kustomization", { resources: Object.keys(files) });
  return within("deploy/base", { "kustomization.yaml": [kustomization], ...files });
}

/** Everything of one service, in one file of its name. */
function serviceObjects(service: ServiceDefinition): readonly Manifest[] {
  const { name } = service;
  return [
    accountOf(name, labelsOf(name, "service")),
    accountOf(migrationAccount(name), labelsOf(migrationAccount(name), "migration")),
    serviceOf(service),
    workloadOf(service, basis),
    disruptionBudgetOf(name, labelsOf(name, "service")),
    ...migrationJobs(service),
    ...servicePolicies(service),
    ...(service.publicPort === undefined ? [] : [storefrontPolicy(service)]),
  ];
}

function namespaceObject(): Manifest {
  const standards = ["enforce", "audit", "warn"].map((mode) => [`pod-security.kubernetes.io/${mode}`, "restricted"]);
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: namespace, labels: { "istio-injection": "enabled", ...Object.fromEntries(standards) } },
  };
}

function policyObject(): Manifest {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: policyMap, namespace, labels: labelsOf(policyMap, "mesh") },
    data: { [policyFile]: `${JSON.stringify(emitPolicy(), null, 2)}\n` },
  };
}

function componentFolders(): Folder {
  const component = (file: string) => kustomizationOf("Component", { resources: [file] });
  return {
    ...within("deploy/components/postgres", {
      "kustomization.yaml": [component(`${postgres}.yaml`)],
      [`${postgres}.yaml`]: postgresObjects(),
    }),
    ...within("deploy/components/simulators", {
      "kustomization.yaml": [component(`${simulators}.yaml`)],
      [`${simulators}.yaml`]: simulatorObjects(),
    }),
  };
}

function overlayFolder(installation: Installation): Folder {
  const { name, replicas, partitions, broker, databaseSelector, external, hasSimulators, images } = installation;
  const patches = services.flatMap((service) => {
    const patch = workloadPatch(service, basis, installation);
    return patch === undefined ? [] : [[`patches/${service.name}.yaml`, [patch]] as const];
  });
  const files: Record<string, readonly Manifest[]> = {
    "settings.yaml": [settingsObject(installation)],
    "databases.yaml": databaseServices(databaseSelector),
    "broker.yaml": [brokerCluster(broker), ...(broker.nodes === 1 ? [] : [brokerDisruptionBudget()])],
    "topology.yaml": topologyResources(shopTopology(partitions)),
    ...(hasSimulators ? {} : {
      "external.yaml": externalCalls(external).map(({ service, port }) => externalPolicy(service, port, "outside")),
    }),
  };
  const kustomization = kustomizationOf("Kustomization", {
    resources: ["../../base", ...Object.keys(files)],
    components: hasSimulators ? ["../../components/postgres", "../../components/simulators"] : [],
    patches: patches.map(([path]) => ({ path })),
    images: [...services.map((service) => service.name), "tools"].map((image) => ({
      name: `jangteo/${image}`,
      newName: `${images.prefix}${image}`,
      newTag: images.tag,
    })),
    replicas: replicas === 1 ? [] : services.filter((service) => workloadOf(service, basis).kind === "StatefulSet")
      .map((service) => ({ name: service.name, count: replicas })),
  });
  return within(`deploy/overlays/${name}`, {
    "kustomization.yaml": [kustomization],
    ...files,
    ...Object.fromEntries(patches),
  });
}

function settingsObject({ settings }: Installation): Manifest {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: settingsMap, namespace, labels: labelsOf(settingsMap, "mesh") },
    data: settings,
  };
}

/** Turns the files that `deno task secrets` makes into secrets; nothing of it is in Git. */
function secretsFolder(): Folder {
  const wanted = wantedSecrets(services, { hasSeedAccounts: true, hasPostgres: true, hasSmtpLogin: false });
  const generators = (kind: "Secret" | "ConfigMap") =>
    wanted.filter((each) => each.kind === kind).map(({ name, keys }) => ({
      name,
      files: keys.map((key) => `${key}=files/${name}/${key}`),
    }));
  const kustomization = kustomizationOf("Kustomization", {
    namespace,
    generatorOptions: { disableNameSuffixHash: true },
    secretGenerator: generators("Secret"),
    configMapGenerator: generators("ConfigMap"),
  });
  return within("deploy/overlays/dev-secrets", { "kustomization.yaml": [kustomization] });
}

function within(folder: string, files: Folder): Folder {
  return Object.fromEntries(Object.entries(files).map(([name, documents]) => [`${folder}/${name}`, documents]));
}
