import { deepStrictEqual as assertEquals, ok } from "node:assert/strict";
import { defaultSettings } from "@mesh/runtime";
import { metricNames } from "@mesh/telemetry";
import { codeWords, linksOf, sectionOf, tableRows } from "./markdown.ts";
import { listFiles, readText } from "./repository.ts";

Deno.test("the operations page explains every metric of a service", () => {
  const told = tableRows(sectionOf(readText("docs/operations.md"), "metrics")).map(([name = ""]) => codeWords(name)[0]);
  assertEquals(told.toSorted(), Object.values(metricNames).sort());
});

Deno.test("the operations page states the default of every setting", () => {
  const told = tableRows(sectionOf(readText("docs/operations.md"), "settings")).map(([name = "", value]) => [
    codeWords(name)[0],
    value,
  ]);
  assertEquals(
    told.toSorted(),
    Object.entries(defaultSettings).map(([name, value]) => [name, [value].flat().join(", ")]).sort(),
  );
});

Deno.test("the envelope page lists exactly the claims that published envelopes have, by kind", () => {
  const told = tableRows(sectionOf(readText("docs/envelope.md"), "claims"));
  const claimsOf = (typ: string) =>
    new Set(
      vectors.accepted.filter(({ header }) => JSON.parse(header).typ === typ)
        .flatMap(({ payload }) => Object.keys(JSON.parse(payload))),
    );
  const toldFor = (column: number) =>
    told.filter((cells) => cells[column] !== "no").map(([name = ""]) => codeWords(name)[0]!);
  const [ofEvents, ofCommands] = [claimsOf("mesh-event+jwt"), claimsOf("mesh-command+jwt")];
  assertEquals([...ofCommands].sort(), toldFor(2).sort());
  // No published event was caused by a person.
  assertEquals([...new Set([...ofEvents, "act"])].sort(), toldFor(1).sort());
});

Deno.test("the envelope page names every reason for which an envelope is refused", () => {
  const told = tableRows(sectionOf(readText("docs/envelope.md"), "steps")).flatMap(([, , reasons = ""]) =>
    codeWords(reasons)
  );
  const [, type = ""] = /export type RefusalReason =([^;]+);/.exec(readText("shared/envelope/envelope.ts")) ?? [];
  const reasons = [...type.matchAll(/"([a-z-]+)"/g)].map(([, reason]) => reason!);
  ok(reasons.length > 10);
  assertEquals([...new Set(told)].sort(), [...reasons, "replayed-id"].sort());
  for (const { reason } of vectors.refused) ok(told.includes(reason), reason);
});

Deno.test("the API page names every route of the published document, and no other", () => {
  const { paths } = JSON.parse(readText("docs/openapi.json")) as { readonly paths: Readonly<Record<string, object>> };
  const table = readText("docs/api.md").split("\n## ")[0]!;
  const told = tableRows(table).flatMap(([, routes = ""]) => codeWords(routes))
    .flatMap((words) => words.split(" ").filter((word) => word.startsWith("/") || word.startsWith("…")))
    .map((path) => path.replace("…", "/v1/orders/{orderId}")).filter((path) => !path.startsWith("/.well-known/"));
  assertEquals([...new Set(told)].sort(), Object.keys(paths).sort());
});

Deno.test("the README's defaults of the gateway are those of its configuration", () => {
  const source = readText("services/gateway/config.ts");
  const told = tableRows(sectionOf(readText("README.md"), "environment")).filter(([, by]) => by === "gateway")
    .flatMap(([names = "", , values = ""]) => {
      const all = values.split(", ");
      return codeWords(names).map((name, at) => [name, all[at]!] as const);
    });
  const numbers = told.filter(([, value]) => /^\d+$/.test(value));
  ok(numbers.length >= 9, `found ${numbers.length}`);
  for (const [name, value] of numbers) {
    const written = new RegExp(`^  ${name}: .*?\\(([\\d_]+)\\),$`, "m").exec(source)?.[1]?.replaceAll("_", "");
    assertEquals([name, value], [name, written]);
  }
});

Deno.test("the testing page explains every rule that the checker of invariants names", () => {
  const told = tableRows(sectionOf(readText("docs/testing.md"), "invariants")).map(([rule]) => rule);
  const sources = listFiles("_rules.ts").filter((path) => path.startsWith("tests/e2e/invariants/")).map(readText);
  const named = new Set(sources.flatMap((text) => [...text.matchAll(/"(I\d+)"/g)].map(([, rule]) => rule)));
  ok(named.size > 10);
  assertEquals(told.toSorted(), [...named].sort());
});

Deno.test("every decision says context, decision and cost, and is on the list", () => {
  const pages = listFiles(".md").filter((path) => path.startsWith("docs/decisions/") && !path.endsWith("README.md"));
  const listed = linksOf(readText("docs/decisions/README.md")).map(({ target }) => `docs/decisions/${target}`);
  assertEquals(listed, pages);
  for (const [at, page] of pages.entries()) {
    const text = readText(page);
    const number = String(at + 1).padStart(4, "0");
    ok(text.startsWith(`# ${number} `) && page.startsWith(`docs/decisions/${number}-`), page);
    assertEquals([...text.matchAll(/^## (.+)$/gm)].map(([, title]) => title), ["Context", "Decision", "Cost"], page);
  }
});

Deno.test("no page names a path of somebody's machine", () => {
  const complaints = listFiles(".md").flatMap((page) => {
    return (readText(page).match(/(?<![\w/.:-])\/(?:home|root|tmp|usr\/local|Users)\/[^\s`)]*/g) ?? [])
      .map((path) => `${page}: ${path}`);
  });
  assertEquals(complaints, []);
});

const vectors = JSON.parse(readText("docs/envelope-vectors.json")) as {
  readonly accepted: readonly { readonly header: string; readonly payload: string }[];
  readonly refused: readonly { readonly reason: string }[];
};
