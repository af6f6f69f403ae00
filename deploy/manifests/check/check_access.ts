import { foreignAccounts, type Manifest, principal, storefront, storefrontAccount } from "../cluster.ts";
import type { Installation } from "../installation.ts";
import { accessEdges } from "../istio_files.ts";
import { nameOf } from "./check_schemas.ts";
import type { Finding } from "./finding.ts";
import { AccessPolicyShape, podsOf } from "./shapes.ts";

/**
 * Who may reach what: nothing by default, every edge by exactly one policy, no edge that nobody needs, and only accounts
 * that exist.
 */
export function checkAccess(manifests: readonly Manifest[], installation: Installation): readonly Finding[] {
  const policies = manifests.filter(({ kind }) => kind === "AuthorizationPolicy");
  return [
    ...checkClosed(manifests, policies),
    ...policies.flatMap((policy) => checkForm(policy)),
    ...checkPrincipals(manifests, policies),
    ...checkAccounts(manifests),
    ...checkEdges(policies, installation),
  ];
}

function checkClosed(manifests: readonly Manifest[], policies: readonly Manifest[]): readonly Finding[] {
  const isClosed = policies.some(({ spec }) => Object.keys(spec as object).length === 0);
  const modes = manifests.filter(({ kind }) => kind === "PeerAuthentication").map(({ spec }) => JSON.stringify(spec));
  const rule = "closed-by-default";
  return [
    ...(isClosed ? [] : [{ rule, object: "AuthorizationPolicy", message: "there is none that denies by default" }]),
    ...(modes.length === 1 && modes[0] === '{"mtls":{"mode":"STRICT"}}'
      ? []
      : [{ rule, object: "PeerAuthentication", message: "want exactly one, STRICT for the whole namespace" }]),
  ];
}

/** Only what can be read at a glance: allow, one kind of pods, principals and ports, nothing negated. */
function checkForm(policy: Manifest): readonly Finding[] {
  const { spec } = AccessPolicyShape.parse(policy);
  const { rules = [] } = spec;
  const fields = rules.flatMap(({ from = [], to = [] }) => [
    ...from.flatMap(({ source }) => Object.keys(source)),
    ...to.flatMap(({ operation }) => Object.keys(operation)),
  ]);
  const isOfPods = spec.targetRefs === undefined;
  const complain = (isWrong: boolean, message: string): readonly Finding[] =>
    isWrong ? [{ rule: "policy-form", object: nameOf(policy), message }] : [];
  if (rules.length === 0 && Object.keys(policy.spec as object).length === 0) return [];
  return [
    ...complain(spec.action !== "ALLOW", `its action is ${spec.action}, want ALLOW`),
    ...complain(isOfPods && Object.keys(spec.selector?.matchLabels ?? {}).length === 0, "it opens every pod"),
    ...complain(fields.some((field) => field.startsWith("not")), "it negates, which lets plain text through"),
    ...complain(
      isOfPods && rules.some(({ from = [], to = [] }) => from.length === 0 || to.length === 0),
      "a rule names no principal or no port",
    ),
  ];
}

/** A principal that no account stands behind is a spelling mistake. */
function checkPrincipals(manifests: readonly Manifest[], policies: readonly Manifest[]): readonly Finding[] {
  const accounts = manifests.filter(({ kind }) => kind === "ServiceAccount").map(({ metadata }) => metadata.name);
  const hasDoor = manifests.some(({ kind, metadata }) => kind === "Gateway" && metadata.name === storefront);
  const known = new Set([
    ...accounts.map((account) => principal(account)),
    ...Object.values(foreignAccounts),
    ...(hasDoor ? [principal(storefrontAccount)] : []),
  ]);
  return policies.flatMap((policy) =>
    sourcesOf(policy).filter((name) => !known.has(name)).map((name) => ({
      rule: "principal-exists",
      object: nameOf(policy),
      message: `nobody is ${name}`,
    }))
  );
}

/** An account is one workload's, or the mesh could not tell two apart. */
function checkAccounts(manifests: readonly Manifest[]): readonly Finding[] {
  const accounts = new Set(
    manifests.filter(({ kind }) => kind === "ServiceAccount").map(({ metadata }) => metadata.name),
  );
  return podsOf(manifests).flatMap(({ owner, labels, spec: { serviceAccountName = "default" } }) => {
    const object = nameOf(owner);
    const rule = "own-account";
    if (!accounts.has(serviceAccountName)) {
      return [{ rule, object, message: `there is no account ${serviceAccountName}` }];
    }
    return labels["app.kubernetes.io/name"] === serviceAccountName
      ? []
      : [{ rule, object, message: `its account is another's: ${serviceAccountName}` }];
  });
}

/** One line per edge; the same from the policies and from the contracts. */
function checkEdges(policies: readonly Manifest[], installation: Installation): readonly Finding[] {
  const rule = "edges";
  const wanted = new Set(
    accessEdges(installation).flatMap(({ pods, from, port, requests }) =>
      from.map((source) => edgeText(source, pods, { ports: [String(port)], ...requests }))
    ),
  );
  const seen = new Map<string, string>();
  const findings: Finding[] = [];
  for (const policy of policies) {
    for (const edge of edgesOf(policy)) {
      const object = nameOf(policy);
      const other = seen.get(edge);
      if (!wanted.has(edge)) findings.push({ rule, object, message: `no contract asks for ${edge}` });
      else if (other !== undefined) findings.push({ rule, object, message: `${other} allows ${edge}, too` });
      seen.set(edge, object);
    }
  }
  const missing = [...wanted].filter((edge) => !seen.has(edge));
  return [
    ...findings,
    ...missing.map((edge) => ({ rule, object: "AuthorizationPolicy", message: `none allows ${edge}` })),
  ];
}

function edgesOf(policy: Manifest): readonly string[] {
  const { spec: { selector, targetRefs, rules = [] } } = AccessPolicyShape.parse(policy);
  if (targetRefs !== undefined) return [];
  return rules.flatMap(({ from = [], to = [] }) =>
    from.flatMap(({ source: { principals = [] } }) => principals).flatMap((source) =>
      to.map(({ operation }) => edgeText(source, selector?.matchLabels ?? {}, operation))
    )
  );
}

function sourcesOf(policy: Manifest): readonly string[] {
  const { spec: { rules = [] } } = AccessPolicyShape.parse(policy);
  return rules.flatMap(({ from = [] }) => from.flatMap(({ source: { principals = [] } }) => principals));
}

function edgeText(
  source: string,
  pods: Readonly<Record<string, string>>,
  operation: Readonly<Record<string, readonly string[]>>,
): string {
  const sorted = (map: Readonly<Record<string, unknown>>) =>
    Object.entries(map).sort(([a], [b]) => a < b ? -1 : 1).map(([key, value]) => `${key}=${value}`).join(" ");
  return `${source} -> ${sorted(pods)} ${sorted(operation)}`;
}
