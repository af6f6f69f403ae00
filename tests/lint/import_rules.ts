import { type SourcePath, sourcePathOf } from "./source_path.ts";

type ImportNode = Deno.lint.ImportDeclaration | Deno.lint.ExportNamedDeclaration | Deno.lint.ImportExpression;

/** Packages that each package of the mesh may import; `testing` stands above all and is for tests. */
const lowerPackages: Readonly<Record<string, readonly string[]>> = {
  base: [],
  contract: ["base"],
  telemetry: ["base", "contract"],
  envelope: ["base", "contract"],
  actor: ["base", "contract"],
  saga: ["base", "contract", "actor"],
  broker: ["base", "contract", "envelope", "telemetry"],
  store: ["base", "contract", "envelope", "telemetry"],
  runtime: ["base", "contract", "envelope", "actor", "saga", "broker", "store", "telemetry"],
  cli: ["base", "contract", "envelope", "telemetry", "runtime"],
  testing: ["base", "contract", "envelope", "actor", "saga", "broker", "store", "telemetry", "runtime"],
};

/** Where a package of the outside world may be imported; those not named here may be imported anywhere. */
const adaptersOf: Readonly<Record<string, RegExp>> = {
  amqplib: /^shared\/broker\/amqp_/,
  postgres: /^(shared\/(store|testing)\/|services\/[^/]+\/(adapters\/|postgres_))/,
  jose: /^(shared\/(envelope|runtime|cli)\/|services\/(gateway|users)\/)/,
  hono: /^(shared\/runtime\/|services\/(gateway|users|audit|analytics)\/)/,
  stripe: /^services\/[^/]+\/adapters\//,
  nodemailer: /^services\/[^/]+\/adapters\//,
  testcontainers: /^shared\/testing\//,
  "fast-check": /^shared\/testing\//,
};

/** What services offer to whoever runs them: what they say about themselves, and how their keys are made. */
const entriesForDeployment: ReadonlySet<string> = new Set(["service", "token-keys"]);

/** What services offer to tests that run several of them in one process. */
const entriesForTests: ReadonlySet<string> = new Set(["actor", "projections"]);

/** Files that decide and must stay pure: behaviour, projections, contracts, sagas. */
const domainFile =
  /^services\/[^/]+\/((actor|decide|evolve|projection|contract|internal_contract|effects|service)\.ts|sagas\/)/;
const domainPackages = /^(@mesh\/(base|contract|actor|saga)|@shop\/[a-z-]+|zod)$/;

/** Rules about what may be imported from where. */
export const importRules: Readonly<Record<string, Deno.lint.Rule>> = {
  "import-direction": ruleOnImports((source, specifier) => directionFault(source, specifier)),
  "domain-imports": ruleOnImports((source, specifier) => {
    if (source.isTest || !domainFile.test(source.path) || specifier.startsWith(".")) return undefined;
    if (domainPackages.test(specifier)) return undefined;
    return `A file that decides stays pure: it may not import "${specifier}" (contracts, actor, saga and zod only)`;
  }),
  "adapter-packages": ruleOnImports((source, specifier) => {
    const name = packageOf(specifier);
    const allowed = adaptersOf[name];
    if (source.isTest || allowed === undefined || allowed.test(source.path)) return undefined;
    return `Only an adapter imports "${name}": here it would spread through the code that should not know of it`;
  }),
};

function directionFault(source: SourcePath, specifier: string): string | undefined {
  if (specifier.startsWith(".")) return relativeFault(source, specifier);
  if (/^(npm|jsr|https?):/.test(specifier)) {
    return `Dependencies are named in the catalog of deno.json, with one version each; import them by bare name`;
  }
  const [scope, name = "", entry] = specifier.split("/");
  if (scope === "@shop") return shopFault(source, name, entry);
  if (scope !== "@mesh") return undefined;
  if (name === "testing" && !isTooling(source)) return "Only tests and tools import @mesh/testing";
  const [folder, own = ""] = source.member.split("/");
  if (folder !== "shared" || source.isTest || own === name) return undefined;
  return lowerPackages[own]?.includes(name)
    ? undefined
    : `Imports point down only: @mesh/${own} may not import @mesh/${name}`;
}

function shopFault(source: SourcePath, name: string, entry: string | undefined): string | undefined {
  if (source.member.startsWith("shared/") && !source.isTest) return "The mesh knows no service of the shop";
  if (entry === undefined || source.member === `services/${name}`) return undefined;
  if (entriesForTests.has(entry) && source.isTest) return undefined;
  if (entriesForDeployment.has(entry) && (source.path.startsWith("deploy/") || source.isTest)) return undefined;
  return `Of another service only its contract may be imported: "@shop/${name}"`;
}

/** A relative path must stay inside the member; the resolver itself does not mind. */
function relativeFault(source: SourcePath, specifier: string): string | undefined {
  const target = new URL(specifier, `file:///${source.path}`).pathname.slice(1);
  const isInside = target.startsWith(`${source.member}/`);
  // Published documents belong to no member; tests compare with them.
  const isDocument = source.isTest && target.startsWith("docs/");
  return isInside || isDocument
    ? undefined
    : `Import another workspace member by its name, not by the path "${specifier}"`;
}

/** The parts that start servers for people and for measurements. */
function isTooling(source: SourcePath): boolean {
  return source.isTest || source.path.startsWith("deploy/dev/") || source.member === "shared/testing";
}

function packageOf(specifier: string): string {
  const parts = specifier.split("/");
  return specifier.startsWith("@") ? parts.slice(0, 2).join("/") : parts[0] ?? "";
}

function ruleOnImports(faultOf: (source: SourcePath, specifier: string) => string | undefined): Deno.lint.Rule {
  return {
    create(context) {
      const source = sourcePathOf(context.filename);
      const visit = (node: ImportNode) => {
        const specifier = node.source?.type === "Literal" ? node.source.value : undefined;
        if (typeof specifier !== "string") return;
        const message = faultOf(source, specifier);
        if (message !== undefined) context.report({ node, message });
      };
      return { ImportDeclaration: visit, ExportNamedDeclaration: visit, ImportExpression: visit };
    },
  };
}
