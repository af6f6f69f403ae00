import { deepStrictEqual as assertEquals, throws } from "node:assert/strict";
import { mergePatch } from "./merge_patch.ts";
import { renderFolder } from "./render.ts";

const files: Readonly<Record<string, string>> = {
  "base/kustomization.yaml":
    "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [app.yaml]\n",
  "base/app.yaml": `apiVersion: apps/v1
kind: StatefulSet
metadata: { name: orders, namespace: jangteo }
spec:
  replicas: 1
  template: { spec: { containers: [{ name: orders, image: jangteo/orders, args: [a, b], env: [{ name: A, value: "1" }] }] } }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: settings, namespace: jangteo }
data: { image: jangteo/orders }
`,
  "part/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [more.yaml]\n",
  "part/more.yaml": "apiVersion: v1\nkind: Service\nmetadata: { name: orders, namespace: jangteo }\n",
  "over/kustomization.yaml": `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: jangteo
resources: [../base]
components: [../part]
patches: [{ path: patch.yaml }]
images: [{ name: jangteo/orders, newName: registry/orders, newTag: "7" }]
replicas: [{ name: orders, count: 3 }]
generatorOptions: { disableNameSuffixHash: true }
secretGenerator: [{ name: key, files: [k=k.txt] }]
`,
  "over/k.txt": "장터",
  "over/patch.yaml": `apiVersion: apps/v1
kind: StatefulSet
metadata: { name: orders, namespace: jangteo }
spec: { template: { spec: { containers: [{ name: orders, args: [c], env: [{ name: B, value: "2" }] }] } } }
`,
};

function readFrom(changes: Readonly<Record<string, string>>): (path: string) => string {
  return (path) => {
    const text = { ...files, ...changes }[path];
    if (text === undefined) throw new RangeError(`Cannot read ${path}`);
    return text;
  };
}

Deno.test("an overlay gathers, generates, patches, renames and counts as kustomize does", () => {
  const metadata = (name: string) => ({ name, namespace: "jangteo" });
  const container = {
    name: "orders",
    image: "registry/orders:7",
    args: ["c"],
    env: [{ name: "B", value: "2" }, { name: "A", value: "1" }],
  };
  assertEquals(renderFolder("over", readFrom({})), [
    {
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      metadata: metadata("orders"),
      spec: { replicas: 3, template: { spec: { containers: [container] } } },
    },
    // No image: it is no container.
    { apiVersion: "v1", kind: "ConfigMap", metadata: metadata("settings"), data: { image: "jangteo/orders" } },
    { apiVersion: "v1", kind: "Secret", metadata: metadata("key"), type: "Opaque", data: { k: "7J6l7YSw" } },
    { apiVersion: "v1", kind: "Service", metadata: metadata("orders") },
  ]);
});

Deno.test("a patch, a count or a twin that fits nothing is refused", () => {
  const refused = (path: string, from: string, to: string, message: RegExp) =>
    throws(() => renderFolder("over", readFrom({ [path]: files[path]!.replace(from, to) })), message);

  refused(
    "over/patch.yaml",
    "name: orders, namespace",
    "name: order, namespace",
    /Cannot patch .*order: there is none/,
  );
  refused("over/kustomization.yaml", "name: orders, count", "name: order, count", /no such workload/);
  refused(
    "part/more.yaml",
    "kind: Service\nmetadata: { name: orders",
    "kind: ConfigMap\nmetadata: { name: settings",
    /two of/,
  );
  refused("base/app.yaml", "replicas: 1", "replicas: 1\n  replicas: 2", /unique/);
});

Deno.test("what kustomize can do and this cannot is refused, not ignored", () => {
  for (const line of ["namePrefix: dev-", "commonLabels: { a: b }", "patchesStrategicMerge: [patch.yaml]"]) {
    const text = `${files["over/kustomization.yaml"]}${line}\n`;
    throws(() => renderFolder("over", readFrom({ "over/kustomization.yaml": text })));
  }
});

Deno.test("a patch that deletes is refused", () => {
  throws(() => mergePatch({ spec: { a: 1 } }, { spec: { a: null } }), /delete nothing/);
  throws(() => mergePatch({ spec: { a: 1 } }, { spec: { $patch: "delete" } }), /delete nothing/);
});

Deno.test("lists that are not merged by name are replaced", () => {
  assertEquals(mergePatch({ args: ["a", "b"] }, { args: ["c"] }), { args: ["c"] });
  assertEquals(mergePatch({ ports: [{ name: "a" }] }, { ports: [{ name: "b" }] }), { ports: [{ name: "b" }] });
});
