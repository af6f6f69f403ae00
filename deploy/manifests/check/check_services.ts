import type { Manifest } from "../cluster.ts";
import { nameOf } from "./check_schemas.ts";
import type { Finding } from "./finding.ts";
import { fits, podsOf, ServiceShape } from "./shapes.ts";

/** Pods that an operator makes cannot be looked up here. */
const madeByOperators: ReadonlySet<string> = new Set(["cnpg.io/cluster"]);

/** Every port of a Service says its protocol, so that no proxy sniffs, and leads to a container that listens there. */
export function checkServices(manifests: readonly Manifest[]): readonly Finding[] {
  const pods = podsOf(manifests);
  return manifests.filter(({ kind }) => kind === "Service").flatMap((manifest) => {
    const object = nameOf(manifest);
    const { selector = {}, ports } = ServiceShape.parse(manifest).spec;
    const undeclared = ports.filter(({ name = "", appProtocol }) => {
      return !/^(http|tcp)(-|$)/.test(name) || (appProtocol !== "http" && appProtocol !== "tcp");
    });
    const withoutProtocol = undeclared.map(({ port }) => ({
      rule: "port-protocol",
      object,
      message: `port ${port} does not say its protocol, by name and by appProtocol`,
    }));
    if (Object.keys(selector).some((label) => madeByOperators.has(label))) return withoutProtocol;
    const behind = pods.filter(({ labels }) => fits(selector, labels) && Object.keys(selector).length > 0);
    const open = new Set(
      behind.flatMap(({ spec }) => spec.containers.flatMap((each) => each.ports.map((one) => one.containerPort))),
    );
    const closed = ports.filter(({ port, targetPort = port }) => !open.has(Number(targetPort)));
    return [
      ...withoutProtocol,
      ...(behind.length === 0 ? [{ rule: "service-pods", object, message: "it selects no pod" }] : []),
      ...(behind.length === 0 ? [] : closed.map(({ port }) => ({
        rule: "service-pods",
        object,
        message: `no container of its pods listens on the target of port ${port}`,
      }))),
    ];
  });
}
