import { deepStrictEqual as assertEquals } from "node:assert/strict";
import plugin from "./mesh_lint.ts";
import { fileLinesMax, functionLinesMax } from "./shape_rules.ts";

/** Rules that a source breaks when it lies at `path`, without the plugin's name. */
function broken(path: string, source: string): string[] {
  return Deno.lint.runPlugin(plugin, path, source).map(({ id }) => id.replace("mesh/", ""));
}

Deno.test("imports point down only", () => {
  const above = 'import { Broker } from "@mesh/broker";';

  assertEquals(broken("shared/runtime/run_actor.ts", above), []);
  assertEquals(broken("shared/contract/define.ts", above), ["import-direction"]);
  assertEquals(broken("shared/store/store.ts", above), ["import-direction"]);
  assertEquals(broken("shared/contract/define_test.ts", above), []);
});

Deno.test("the direction also holds for re-exports, types and dynamic imports", () => {
  assertEquals(broken("shared/base/mod.ts", 'export { a } from "@mesh/store";'), ["import-direction"]);
  assertEquals(broken("shared/base/id.ts", 'import type { A } from "@mesh/store";'), ["import-direction"]);
  assertEquals(broken("shared/base/id.ts", 'const store = await import("@mesh/store");'), ["import-direction"]);
});

Deno.test("of another service only the contract may be imported", () => {
  const own = 'import { inventoryService } from "@shop/inventory/service";';

  assertEquals(
    broken("services/orchestrator/sagas/place_order.ts", 'import * as inventory from "@shop/inventory";'),
    [],
  );
  assertEquals(broken("services/orders/main.ts", own), ["import-direction"]);
  assertEquals(broken("services/inventory/main.ts", own), []);
  assertEquals(broken("deploy/topology.ts", own), []);
});

Deno.test("a relative path may not leave its workspace member", () => {
  assertEquals(broken("services/orders/main.ts", 'import "../inventory/contract.ts";'), ["import-direction"]);
  assertEquals(broken("services/orders/sagas/a.ts", 'import { b } from "../contract.ts";'), []);
  assertEquals(broken("shared/base/id_test.ts", 'import vectors from "../../docs/vectors.json";'), []);
  assertEquals(broken("shared/base/id.ts", 'import vectors from "../../docs/vectors.json";'), ["import-direction"]);
  assertEquals(broken("tests/e2e/a_e2e_test.ts", 'import { b } from "../../shared/base/id.ts";'), ["import-direction"]);
});

Deno.test("the mesh knows no service, and only tests and tools use the test kit", () => {
  assertEquals(broken("shared/runtime/run_actor.ts", 'import * as orders from "@shop/orders";'), ["import-direction"]);
  assertEquals(broken("services/orders/main.ts", 'import { given } from "@mesh/testing";'), ["import-direction"]);
  assertEquals(broken("deploy/dev/supervisor.ts", 'import { startInfra } from "@mesh/testing/infra";'), []);
});

Deno.test("a file that decides imports nothing that could do", () => {
  assertEquals(broken("services/orders/actor.ts", 'import { createHash } from "node:crypto";'), ["domain-imports"]);
  assertEquals(
    broken("services/orders/actor.ts", 'import { z } from "zod"; import { defineActor } from "@mesh/actor";'),
    [],
  );
});

Deno.test("packages of the outside world stay in their adapters", () => {
  const amqp = 'import { connect } from "amqplib";';

  assertEquals(broken("shared/broker/amqp_broker.ts", amqp), []);
  assertEquals(broken("shared/broker/topology.ts", amqp), ["adapter-packages"]);
  assertEquals(broken("services/orders/http.ts", 'import { Hono } from "hono/tiny";'), ["adapter-packages"]);
  assertEquals(broken("shared/base/a.ts", 'import x from "npm:left-pad@1";'), ["import-direction"]);
});

Deno.test("time, chance and environment are parameters", () => {
  const sources = [
    "const now = Date.now();",
    "const now = new Date();",
    "const later = setTimeout(() => {}, 5);",
    "const id = crypto.randomUUID();",
    "const env = Deno.env.get('A');",
    "const random = Math.random;",
  ];

  assertEquals(sources.flatMap((source) => broken("shared/runtime/turn.ts", source)), Array(6).fill("no-ambient"));
  assertEquals(broken("shared/runtime/turn.ts", "const at = new Date(nowMs);"), []);
  assertEquals(broken("services/orders/main.ts", "const env = Deno.env.toObject();"), []);
  assertEquals(broken("shared/base/clock.ts", "const now = Date.now();"), []);
});

Deno.test("nack, exit, console and calls out of a transaction are refused", () => {
  assertEquals(broken("shared/broker/amqp_consumer.ts", "channel.nack(message);"), ["no-nack"]);
  assertEquals(broken("shared/store/append.ts", "Deno.exit(1);"), ["no-exit"]);
  assertEquals(broken("shared/store/append.ts", "console.log(1);"), ["no-console"]);
  assertEquals(broken("shared/store/append.ts", "sql.begin(async () => { await fetch(url); });"), [
    "no-call-out-in-transaction",
  ]);
  assertEquals(broken("shared/store/append.ts", "sql.begin(async () => { await run(); }); await fetch(url);"), []);
});

Deno.test("files have names of one idea and bounded size", () => {
  assertEquals(broken("shared/store/appendEvents.ts", ""), ["file-name"]);
  assertEquals(broken("shared/store/utils.ts", ""), ["file-name"]);
  assertEquals(broken("shared/store/append.ts", "// a\n".repeat(fileLinesMax)), []);
  assertEquals(broken("shared/store/append.ts", "// a\n".repeat(fileLinesMax + 1)), ["file-size"]);
  const body = (lineCount: number) => `function f() {\n${"g();\n".repeat(lineCount - 2)}}`;
  assertEquals(broken("shared/store/append.ts", body(functionLinesMax)), []);
  assertEquals(broken("shared/store/append.ts", body(functionLinesMax + 1)), ["function-size"]);
});

Deno.test("language features that the house does without are refused", () => {
  const at = (source: string) => broken("shared/store/append.ts", source);

  assertEquals(at("export default 1;"), ["no-default-export"]);
  assertEquals(at('export * from "./a.ts";'), ["no-export-star"]);
  assertEquals(at("enum A { B }"), ["no-enum"]);
  assertEquals(at("let count = 0;"), ["no-module-state"]);
  assertEquals(at("function f() { let count = 0; return count; }"), []);
  assertEquals(at("export function f(a: A, b: B, c: C, d: D): void {}"), ["parameter-count"]);
  assertEquals(at("class Point { x = 1; }"), ["class-purpose"]);
  assertEquals(at("class Pool { #open = 1; }"), []);
  assertEquals(at("class PoolError extends Error {}"), []);
});

Deno.test("errors say what was attempted, and comments promise nothing", () => {
  const at = (source: string) => broken("shared/store/append.ts", source);

  assertEquals(at('throw new ConflictError("stream moved on");'), ["error-text"]);
  assertEquals(at('throw new ConflictError("Cannot append: stream moved on.");'), ["error-text"]);
  assertEquals(at("throw new ConflictError(`Cannot append to ${stream}: it moved on`);"), []);
  assertEquals(at('throw new ConflictError(`Cannot append to ${stream}: ` + "it moved on");'), []);
  assertEquals(at("throw new ConflictError(message);"), []);
  assertEquals(at("// TODO later"), ["no-promises"]);
});
