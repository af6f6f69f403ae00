import { deepStrictEqual as assertEquals, ok } from "node:assert/strict";
import {
  accessEdges,
  checkManifests,
  dev,
  findingText,
  generatedFolders,
  installations,
  manifestFiles,
  principal,
  publicRequests,
  renderFolder,
  wantedSecrets,
} from "@jangteo/deploy/manifests";
import { peersOf, services } from "@jangteo/deploy/topology";
import { filesUnder, readText, rendered } from "./repository.ts";

interface OpenapiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly security?: readonly unknown[] }>>>>;
}

for (const installation of installations) {
  Deno.test(`the overlays of ${installation.name} pass every check`, () => {
    assertEquals(checkManifests(rendered(installation), installation).map(findingText), []);
  });
}

Deno.test("the committed files are exactly those that follow from the contracts", () => {
  const files = manifestFiles();

  const drift = [...files].filter(([path, text]) => readText(path) !== text).map(([path]) => path);
  const committed = generatedFolders.flatMap(filesUnder).filter((path) => path.endsWith(".yaml"));
  const foreign = committed.filter((path) => !files.has(path) && !path.includes("/files/"));
  assertEquals({ drift, foreign }, { drift: [], foreign: [] }, "run `make manifests` and commit what it changes");
});

Deno.test("one file per service has its name, in deploy and in istio", () => {
  const files = manifestFiles();
  for (const { name } of services) ok(files.has(`deploy/base/${name}.yaml`) && files.has(`istio/base/${name}.yaml`));
});

Deno.test("calls are allowed for the peers of each service, and for nobody else", () => {
  const wanted = services.flatMap((from) => peersOf(from).map((to) => `${from.name} to ${to}`)).sort();

  const accounts = new Map(services.map(({ name }) => [principal(name), name]));
  const found = accessEdges(dev).flatMap(({ from, pods }) => {
    const to = services.find(({ name }) => name === pods["app.kubernetes.io/name"]);
    return to === undefined ? [] : from.flatMap((source) => {
      const name = accounts.get(source);
      return name === undefined ? [] : [`${name} to ${to.name}`];
    });
  }).sort();
  assertEquals(found, wanted);
});

Deno.test("the mesh lets pass without a token what the gateway itself declares public, and nothing more", () => {
  const { paths } = JSON.parse(readText("docs/openapi.json")) as OpenapiDocument;
  const described = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).filter(([, { security }]) => security?.length === 0)
      .map(([method]) => `${method.toUpperCase()} ${path.replace(/\{[^}]+\}$/, "*")}`)
  );
  // Pages, keys and health are no part of the API's document.
  const sources = ["app.ts", "routes/well_known.ts", "routes/docs.ts", "routes/landing.ts"]
    .map((file) => readText(`services/gateway/${file}`)).join("\n");
  const pages = [...sources.matchAll(/(?:addPlain\(\s*"public",\s*|serve\()"([^"]+)"/g)].map(([, path]) =>
    `GET ${path}`
  );
  const declared = [...described, ...pages];

  const allowed = publicRequests.flatMap(({ methods, paths }) =>
    methods.filter((method) => method !== "HEAD" && method !== "OPTIONS").flatMap((method) =>
      paths.map((path) => `${method} ${path}`)
    )
  );
  const covers = (rule: string, route: string) =>
    rule === route || (rule.endsWith("*") && route.startsWith(rule.slice(0, -1)));
  assertEquals(declared.filter((route) => !allowed.some((rule) => covers(rule, route))), []);
  assertEquals(allowed.filter((rule) => !declared.some((route) => covers(rule, route))), []);
  ok(declared.length >= 12, `only ${declared.length} public routes were found`);
});

Deno.test("the overlay of secrets makes what a development cluster wants, and nothing else", () => {
  const wanted = wantedSecrets(services, { hasSeedAccounts: true, hasPostgres: true, hasSmtpLogin: false });

  const made = renderFolder(
    "deploy/overlays/dev-secrets",
    (path) => path.includes("/files/") ? "content" : readText(path),
  );
  const found = made.map(({ kind, metadata: { name, namespace }, data }) => ({
    kind,
    name,
    namespace,
    keys: Object.keys(data as object),
  }));
  const byName = (list: readonly { readonly name: string }[]) => [...list].sort((a, b) => a.name < b.name ? -1 : 1);
  assertEquals(byName(found), byName(wanted.map((each) => ({ ...each, keys: [...each.keys], namespace: "jangteo" }))));
});

Deno.test("no secret is in the repository", () => {
  const suspicious = [
    ...generatedFolders.flatMap(filesUnder).filter((path) => !path.includes("/files/")),
    "docker-compose.yml",
  ]
    .filter((path) => /kind: Secret\n[^-]*\n(data|stringData):|"d": ?"|-----BEGIN/.test(readText(path)));
  assertEquals(suspicious, []);
});
