import type { z } from "zod";
import { peersOf, serviceNamed, services } from "../../topology.ts";
import type { Manifest } from "../cluster.ts";
import type { Finding } from "./finding.ts";
import { NetworkPolicyShape } from "./shapes.ts";

type Shape = z.output<typeof NetworkPolicyShape>;

/** The network is closed both ways, and between services it is open for the calls of the contracts alone. */
export function checkNetwork(manifests: readonly Manifest[]): readonly Finding[] {
  const policies = manifests.filter(({ kind }) => kind === "NetworkPolicy").map((each) =>
    NetworkPolicyShape.parse(each)
  );
  const isClosed = policies.some(({ spec }) =>
    spec.podSelector.matchLabels === undefined && spec.policyTypes.length === 2 && spec.ingress.length === 0 &&
    spec.egress.length === 0
  );
  const wanted = services.flatMap((from) =>
    peersOf(from).map((to) => edge(from.name, to, serviceNamed(to).internalPort))
  );
  return [
    ...(isClosed ? [] : [{ rule: "network-closed", object: "NetworkPolicy", message: "none denies by default" }]),
    ...differences("lets in", wanted, policies.flatMap(incoming)),
    ...differences("lets out", wanted, policies.flatMap(outgoing)),
  ];
}

function incoming({ spec: { podSelector, ingress } }: Shape): readonly string[] {
  return ingress.flatMap(({ from, ports }) =>
    from.flatMap((peer) =>
      ports.flatMap(({ port }) => edgeBetween(serviceOf(peer.podSelector), serviceOf(podSelector), port))
    )
  );
}

function outgoing({ spec: { podSelector, egress } }: Shape): readonly string[] {
  return egress.flatMap(({ to, ports }) =>
    to.flatMap((peer) =>
      ports.flatMap(({ port }) => edgeBetween(serviceOf(podSelector), serviceOf(peer.podSelector), port))
    )
  );
}

function differences(verb: string, wanted: readonly string[], found: readonly string[]): readonly Finding[] {
  const object = "NetworkPolicy";
  const rule = "network-edges";
  return [
    ...wanted.filter((each) => !found.includes(each)).map((each) => ({
      rule,
      object,
      message: `none ${verb} ${each}`,
    })),
    ...found.filter((each) => !wanted.includes(each)).map((each) => ({
      rule,
      object,
      message: `no contract asks for what one ${verb}: ${each}`,
    })),
  ];
}

function serviceOf(selector: Shape["spec"]["podSelector"] | undefined): string | undefined {
  const name = selector?.matchLabels?.["app.kubernetes.io/name"];
  return services.find((service) => service.name === name)?.name;
}

function edgeBetween(from: string | undefined, to: string | undefined, port: number): readonly string[] {
  return from === undefined || to === undefined ? [] : [edge(from, to, port)];
}

function edge(from: string, to: string, port: number): string {
  return `${from} -> ${to}:${port}`;
}
