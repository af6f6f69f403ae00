import type { ServiceDefinition } from "@mesh/contract";
import { services } from "../topology.ts";
import { labelsOf, type Manifest, namespace, selectorOf, simulators } from "./cluster.ts";
import { simulatorAddresses } from "./installation.ts";
import { externalPolicy, simulatorPolicy } from "./network_policy.ts";
import { ownContainer, ownPod } from "./pod.ts";
import { accountOf, serviceFor, type ServicePort } from "./service_objects.ts";

/** A service that calls a party outside, and at which port. */
export interface ExternalCall {
  readonly service: string;
  /** Variable that holds the party's URL. */
  readonly variable: string;
  readonly url: URL;
  readonly port: number;
}

/** Ports of URLs that name none. */
const defaultPorts: Readonly<Record<string, number>> = { "https:": 443, "http:": 80, "smtp:": 25, "smtps:": 465 };

/** Lists who calls whom outside the shop. */
export function externalCalls(external: Readonly<Record<string, string>>): readonly ExternalCall[] {
  return services.flatMap(({ name, external: parties = [] }: ServiceDefinition) =>
    parties.map(({ urlVariable }) => {
      const url = new URL(external[urlVariable]!);
      return { service: name, variable: urlVariable, url, port: Number(url.port) || defaultPorts[url.protocol]! };
    })
  );
}

/** Where the simulators show the mails that they took. */
const mailPagePort = 9_204;

/** What the simulators may do: listen, and read the variables of their options. */
export const simulatorsFlags: readonly string[] = Object.freeze([
  "--no-prompt",
  "--cached-only",
  "--frozen",
  "--allow-env",
  "--allow-net=0.0.0.0",
  "--allow-read=/var/lib/jangteo",
  "--allow-write=/var/lib/jangteo",
]);

/** Where the simulators keep what was charged and booked. */
export const simulatorsFolder = "/var/lib/jangteo/simulators";

/** The parties outside, for a development cluster: they forget everything when their pod goes. */
export function simulatorObjects(): readonly Manifest[] {
  const labels = labelsOf(simulators, "simulator");
  const calls = externalCalls(simulatorAddresses);
  const ports: readonly ServicePort[] = [
    ...calls.map(({ url, port }) => {
      const appProtocol = url.protocol.startsWith("http") ? "http" as const : "tcp" as const;
      return { name: `${appProtocol}-${port}`, port, appProtocol };
    }),
    { name: "http-mails", port: mailPagePort, appProtocol: "http" },
  ];
  const ready = { httpGet: { path: "/mails", port: "http-mails", scheme: "HTTP" } };
  const workload: Manifest = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: simulators, namespace, labels },
    spec: {
      replicas: 1,
      // Two at once would each know half of what was charged.
      strategy: { type: "Recreate" },
      selector: { matchLabels: selectorOf(simulators) },
      template: {
        metadata: { labels },
        spec: ownPod(simulators, {
          containers: [ownContainer({
            name: simulators,
            image: "tools",
            args: ["run", ...simulatorsFlags, "tests/simulators/main.ts"],
            env: [
              { name: "SIMULATOR_HOST", value: "0.0.0.0" },
              { name: "SIMULATOR_STATE_DIR", value: simulatorsFolder },
              { name: "DENO_NO_UPDATE_CHECK", value: "1" },
            ],
            resources: { cpu: "50m", memory: "128Mi", memoryMax: "256Mi" },
            volumeMounts: [{ name: "state", mountPath: "/var/lib/jangteo" }],
            more: {
              ports: ports.map(({ name, port }) => ({ name, containerPort: port, protocol: "TCP" })),
              readinessProbe: { ...ready, periodSeconds: 5 },
              livenessProbe: { ...ready, periodSeconds: 20, failureThreshold: 6 },
            },
          })],
          volumes: [{ name: "state", emptyDir: {} }],
        }),
      },
    },
  };
  return [
    accountOf(simulators, labels),
    serviceFor(simulators, ports, { labels }),
    workload,
    simulatorPolicy(simulators, calls),
    ...calls.map(({ service, port }) => externalPolicy(service, port, simulators)),
  ];
}
