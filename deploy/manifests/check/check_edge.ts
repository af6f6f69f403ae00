import { z } from "zod";
import { type Manifest, namespace, storefront } from "../cluster.ts";
import type { Installation } from "../installation.ts";
import { nameOf } from "./check_schemas.ts";
import type { Finding } from "./finding.ts";

const Route = z.object({
  spec: z.object({
    parentRefs: z.array(z.object({ name: z.string() })),
    rules: z.array(z.object({
      backendRefs: z.array(z.object({ name: z.string(), port: z.number() })).default([]),
      filters: z.array(z.object({ type: z.string() })).default([]),
      timeouts: z.object({ request: z.string() }).optional(),
    })),
  }),
});
const Tokens = z.object({
  spec: z.object({ jwtRules: z.array(z.object({ issuer: z.string(), audiences: z.array(z.string()).default([]) })) }),
});
const ServicePorts = z.object({ spec: z.object({ ports: z.array(z.object({ port: z.number() })) }) });

/** What customers come through: routes that lead somewhere, each with a limit, and tokens of the one issuer. */
export function checkEdge(manifests: readonly Manifest[], { settings }: Installation): readonly Finding[] {
  const tokens = manifests.filter(({ kind }) => kind === "RequestAuthentication");
  const rules = tokens.flatMap((each) => Tokens.parse(each).spec.jwtRules);
  const areTokensRight = rules.length === 1 && rules[0]!.issuer === settings.ACCESS_TOKEN_ISSUER &&
    rules[0]!.audiences.join() === settings.ACCESS_TOKEN_AUDIENCE;
  return [
    ...(areTokensRight ? [] : [{
      rule: "tokens",
      object: `RequestAuthentication ${storefront}`,
      message: "it takes other tokens than services do",
    }]),
    ...manifests.filter(({ kind }) => kind === "HTTPRoute").flatMap((route) => routeFindings(route, manifests)),
  ];
}

function routeFindings(route: Manifest, manifests: readonly Manifest[]): readonly Finding[] {
  const { parentRefs, rules } = Route.parse(route).spec;
  const lost = rules.flatMap(({ backendRefs }) => backendRefs).filter(({ name, port }) => {
    const service = manifests.find((each) => each.kind === "Service" && each.metadata.name === name);
    return service === undefined || !ServicePorts.parse(service).spec.ports.some((each) => each.port === port);
  });
  const complain = (isWrong: boolean, message: string): readonly Finding[] =>
    isWrong ? [{ rule: "routes", object: nameOf(route), message }] : [];
  return [
    ...lost.flatMap(({ name, port }) => complain(true, `there is no ${name}:${port}`)),
    ...complain(parentRefs.some(({ name }) => name !== storefront), "it hangs on another Gateway"),
    ...complain(
      rules.some(({ timeouts, filters }) => timeouts === undefined && filters.length === 0),
      "a rule leaves its time limit to chance",
    ),
  ];
}

/** Everything is in the one namespace. */
export function checkNamespaces(manifests: readonly Manifest[]): readonly Finding[] {
  return manifests.filter(({ kind, metadata }) => kind !== "Namespace" && metadata.namespace !== namespace)
    .map((each) => ({ rule: "namespace", object: nameOf(each), message: `it is in ${each.metadata.namespace}` }));
}
