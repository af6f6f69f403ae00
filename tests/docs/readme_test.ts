import { deepStrictEqual as assertEquals, ok, strictEqual } from "node:assert/strict";
import { services } from "@jangteo/deploy/topology";
import { telemetryVariables, variablesOf } from "@jangteo/deploy/permissions";
import { seedAccounts } from "@jangteo/deploy/dev/seed-accounts";
import { sagas } from "@shop/orchestrator/service";
import { codeBlocks, codeWords, sectionOf, tableRows } from "./markdown.ts";
import { exists, listFiles, readText } from "./repository.ts";
import { sagaPicture, serviceTable } from "./tables.ts";

const readme = readText("README.md");

Deno.test("the README's table of services is that of the topology (else: tests/docs/write_tables.ts)", () => {
  assertEquals(tableRows(sectionOf(readme, "services")), tableRows(serviceTable(services)));
});

Deno.test("the README's picture of the saga is drawn from its definition (else: tests/docs/write_tables.ts)", () => {
  const latest = sagas.findLast(({ name }) => name === "place-order")!;
  strictEqual(sectionOf(readme, "saga"), sagaPicture(latest));
});

Deno.test("the orchestrator's page draws every saga as it is defined", () => {
  const blocks = codeBlocks(readText("services/orchestrator/README.md")).filter(({ info }) => info === "mermaid");
  assertEquals(blocks.map(({ code }) => `\`\`\`mermaid\n${code}\`\`\``), sagas.map(sagaPicture));
});

Deno.test("the README explains every environment variable, and who reads it", () => {
  const readers = new Map<string, string[]>();
  for (const service of services) {
    for (const name of variablesOf(service)) readers.set(name, [...readers.get(name) ?? [], service.name]);
  }
  const expected = [...readers].map((
    [name, names],
  ) => [name, names.length === services.length ? "all" : names.join(", ")]);
  const told = tableRows(sectionOf(readme, "environment")).flatMap(([names = "", by = ""]) =>
    codeWords(names).map((name) => [name, by])
  );
  assertEquals(told.sort(), expected.sort());
});

Deno.test("variables that only Deno's telemetry reads are not among those of services", () => {
  const told = tableRows(sectionOf(readme, "environment")).flatMap(([names = ""]) => codeWords(names));
  assertEquals(told.filter((name) => telemetryVariables.includes(name)), ["OTEL_DENO"]);
});

/** A mark on the processes of one run of the gate, and a word of Istio's. */
const notForReaders = ["MESH_TEST_RUN", "MESH_EXTERNAL"];

Deno.test("the README explains every variable of tools, jobs and simulators", () => {
  const told = ["environment", "tools"].flatMap((name) => tableRows(sectionOf(readme, name)))
    .flatMap(([names = ""]) => codeWords(names));
  const sources = listFiles(".ts", ".sh").filter((path) =>
    !path.endsWith("_test.ts") && !path.startsWith("tests/docs/")
  );
  const named = new Set(
    sources.flatMap((path) => readText(path).match(/\b(?:MESH|SIMULATOR)_[A-Z]+(?:_[A-Z]+)*\b/g) ?? []),
  );
  assertEquals([...named].filter((name) => !told.includes(name) && !notForReaders.includes(name)), []);
});

Deno.test("the README names every dependency of the catalog once, and no other", () => {
  const { catalog } = JSON.parse(readText("deno.json")) as { readonly catalog: Readonly<Record<string, string>> };
  const told = tableRows(sectionOf(readme, "dependencies")).map(([name = ""]) => codeWords(name)[0]);
  assertEquals(told.toSorted(), Object.keys(catalog).sort());
});

Deno.test("every dependency of the catalog is imported somewhere", () => {
  const { catalog } = JSON.parse(readText("deno.json")) as { readonly catalog: Readonly<Record<string, string>> };
  const sources = listFiles(".ts", ".mjs").map(readText);
  const unused = Object.keys(catalog).filter((name) => !sources.some((text) => text.includes(`"${name}`)));
  assertEquals(unused, []);
});

Deno.test("the README's accounts are those of a development shop", () => {
  const told = tableRows(sectionOf(readme, "accounts")).map(([email = "", password = "", role]) => [
    ...codeWords(email),
    ...codeWords(password),
    role,
  ]);
  assertEquals(told, seedAccounts.map(({ email, password, role }) => [email, password, role]));
});

Deno.test("every task that documents tell to run exists", () => {
  const { tasks } = JSON.parse(readText("deno.json")) as { readonly tasks: Readonly<Record<string, unknown>> };
  const makefile = readText("Makefile");
  const complaints = listFiles(".md").filter((path) => !path.startsWith("docs/decisions/")).flatMap((path) => {
    const text = readText(path);
    const named = [...text.matchAll(/\bdeno task ([a-z][a-z0-9:-]*)/g)].map(([, name]) => name!);
    const made = codeWords(text).concat(codeBlocks(text).flatMap(({ code }) => code.split("\n")))
      .flatMap((code) => /^make ([a-z][a-z-]*)/.exec(code)?.[1] ?? []);
    return [
      ...named.filter((name) => !(name in tasks)).map((name) => `${path}: deno task ${name}`),
      ...made.filter((name) => !new RegExp(`\\b${name}\\b`).test(makefile)).map((name) => `${path}: make ${name}`),
    ];
  });
  assertEquals(complaints, []);
});

Deno.test("every quotation of source is in the file that it names", () => {
  const quotations = listFiles(".md").flatMap((page) =>
    codeBlocks(readText(page)).flatMap(({ info, code, line }) => {
      const source = /\bsource=(\S+)/.exec(info)?.[1];
      return source === undefined ? [] : [{ page, line, source, code }];
    })
  );
  ok(quotations.length > 5);
  // Without indentation: the formatter moves the middle of an expression to the margin.
  const flat = (text: string) => text.replaceAll(/^ +/gm, "");
  const wrong = quotations.filter(({ source, code }) =>
    !exists(source) || !flat(readText(source)).includes(flat(code))
  );
  assertEquals(wrong.map(({ page, line, source }) => `${page}:${line} is not in ${source}`), []);
});
