import { z } from "zod";
import { ConfigError, sha256 } from "@mesh/base";
import { type AnyContract, type ServiceDefinition, utterancesOf } from "@mesh/contract";
import { canonicalJson } from "./canonical.ts";
import { eventAudience } from "./claim_rules.ts";
import { type EnvelopeTyp, typOf } from "./header.ts";

/** One thing that one service may say. Where it may be published follows from type, version, key and correlation. */
export interface EmitRule {
  /** The service that may say it. */
  readonly iss: string;
  readonly typ: EnvelopeTyp;
  /** Type and major version, `inventory.stock-reserved#1`. */
  readonly sch: string;
  /** The receiving service of a command, `mesh` for an event. */
  readonly aud: string;
  /**
   * False for an event that no service subscribes to: it is stored and in its owner's feed, and not published. Absent
   * otherwise. Who subscribes later reads the feed.
   */
  readonly heard?: false;
}

/** One service that may call another's internal HTTP routes. */
export interface CallEdge {
  readonly from: string;
  readonly to: string;
}

/** Who may say what and call whom, as plain data: generated from the contracts, reviewed, hashed, given to every verifier. */
export interface EmitPolicy {
  readonly version: 1;
  readonly rules: readonly EmitRule[];
  readonly calls: readonly CallEdge[];
}

/** A policy prepared for looking things up. */
export interface PolicyIndex {
  /** SHA-256 of the policy's canonical JSON, base64url. */
  readonly hash: string;
  /** @returns The only audience that this service may say this to, or `undefined` when it may not say it at all. */
  audienceOf(iss: string, typ: EnvelopeTyp, sch: string): string | undefined;
  mayCall(from: string, to: string): boolean;
  /** @returns Whether some service may be waiting for this event; true for what the policy does not know. */
  isHeard(iss: string, sch: string): boolean;
}

/**
 * Generates the policy from what the services say about themselves.
 *
 * A service may say the events it publishes, send the commands it names, wake and inform itself where it uses timers or
 * effects, and record findings and operators' acts. It may call whom it names, and the feeds of those it hears.
 *
 * @param services All services of the mesh; the order does not matter.
 * @returns The policy, sorted, without repetition.
 * @throws {ConfigError} If two services share a name, or one is called `mesh`.
 */
export function emitPolicyFrom(services: readonly ServiceDefinition[]): EmitPolicy {
  const names = services.map(({ name }) => name);
  if (new Set(names).size !== names.length) throw new ConfigError("Cannot make policy: two services share a name");
  if (names.includes(eventAudience)) throw new ConfigError(`Cannot make policy: "${eventAudience}" is no service name`);
  const heard = new Set(services.flatMap(({ subscribes }) => subscribes.map(({ event }) => schemaOf(event))));
  const rules = services.flatMap((service) => rulesOf(service, heard));
  return {
    version: 1,
    rules: distinct(rules, ({ iss, typ, sch }) => `${iss} ${typ} ${sch}`),
    calls: distinct(services.flatMap((service) => callsOf(service, names)), ({ from, to }) => `${from} ${to}`),
  };
}

/**
 * Prepares a policy for verification.
 *
 * @returns An index that answers in constant time.
 */
export function policyIndex(policy: EmitPolicy): PolicyIndex {
  // Maps in maps: every verification asks, and putting a key together costs more than looking it up.
  const audiences = new Map<string, Map<EnvelopeTyp, Map<string, string>>>();
  for (const { iss, typ, sch, aud } of policy.rules) {
    const byTyp = audiences.get(iss) ?? new Map<EnvelopeTyp, Map<string, string>>();
    const bySchema = byTyp.get(typ) ?? new Map<string, string>();
    audiences.set(iss, byTyp.set(typ, bySchema.set(sch, aud)));
  }
  const unheard = new Set(policy.rules.filter(({ heard }) => heard === false).map(({ iss, sch }) => `${iss} ${sch}`));
  const edges = new Set(policy.calls.map(({ from, to }) => `${from} ${to}`));
  return Object.freeze({
    hash: sha256(canonicalJson(policy)),
    audienceOf: (iss: string, typ: EnvelopeTyp, sch: string) => audiences.get(iss)?.get(typ)?.get(sch),
    mayCall: (from: string, to: string) => edges.has(`${from} ${to}`),
    isHeard: (iss: string, sch: string) => !unheard.has(`${iss} ${sch}`),
  });
}

/**
 * Reads a policy from its file.
 *
 * @param text JSON text.
 * @throws {ConfigError} If it is no policy; unknown members are refused.
 */
export function readEmitPolicy(text: string): EmitPolicy {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new ConfigError("Cannot read emit policy: it is not JSON", { cause: error });
  }
  const result = policySchema.safeParse(parsed);
  if (result.success) return result.data;
  const faults = result.error.issues.map(({ path, message }) => `${path.join(".") || "policy"}: ${message}`);
  throw new ConfigError(`Cannot read emit policy: ${faults.join("; ")}`, { cause: result.error });
}

function rulesOf(service: ServiceDefinition, heard: ReadonlySet<string>): readonly EmitRule[] {
  const { events, commands } = utterancesOf(service);
  const rule = (contract: AnyContract, aud: string): EmitRule => ({
    iss: service.name,
    typ: typOf(contract.kind),
    sch: schemaOf(contract),
    aud,
  });
  return [
    ...events.map((contract): EmitRule => ({
      ...rule(contract, eventAudience),
      ...(heard.has(schemaOf(contract)) ? {} : { heard: false }),
    })),
    ...commands.map((contract) => rule(contract, contract.service)),
  ];
}

function schemaOf({ type, version }: Pick<AnyContract, "type" | "version">): string {
  return `${type}#${version}`;
}

function callsOf(service: ServiceDefinition, names: readonly string[]): readonly CallEdge[] {
  const { name, calls, subscribes, readsAllFeeds } = service;
  const owners = readsAllFeeds === true ? names : subscribes.map(({ event }) => event.service);
  return [...calls, ...owners].filter((to) => to !== name).map((to) => ({ from: name, to }));
}

/** @returns Each item once, in the order of its name. */
function distinct<T>(items: readonly T[], nameOf: (item: T) => string): readonly T[] {
  const byName = new Map(items.map((item) => [nameOf(item), item]));
  return [...byName.keys()].sort().map((name) => byName.get(name)!);
}

const policySchema = z.strictObject({
  version: z.literal(1),
  rules: z.array(z.strictObject({
    iss: z.string(),
    typ: z.enum(["mesh-event+jwt", "mesh-command+jwt"]),
    sch: z.string(),
    aud: z.string(),
    heard: z.literal(false).exactOptional(),
  })),
  calls: z.array(z.strictObject({ from: z.string(), to: z.string() })),
});
