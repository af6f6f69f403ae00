import { deepStrictEqual as assertEquals, match, ok, rejects, strictEqual } from "node:assert/strict";
import { configureLogging, getLogger, type LoggingOptions, withContext } from "./mod.ts";

/** Configures the log, lets `write` log, and returns the lines. */
async function linesOf(write: () => void, options: Partial<LoggingOptions> = {}): Promise<string[]> {
  const lines: string[] = [];
  await configureLogging({ service: "orders", ...options, write: (line) => lines.push(line) });
  write();
  return lines;
}

Deno.test("a line is one JSON object with time, level, logger, message, service and the properties", async () => {
  const [line, ...others] = await linesOf(() => {
    getLogger(["orders", "turn"]).warn("Retried {type} in {delayMs} ms", { type: "orders.place-order", delayMs: 1000 });
  });
  const { "@timestamp": at, ...rest } = JSON.parse(line!);
  match(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assertEquals(rest, {
    level: "WARN",
    message: "Retried orders.place-order in 1000 ms",
    logger: "orders.turn",
    service: "orders",
    type: "orders.place-order",
    delayMs: 1000,
  });
  assertEquals(others, []);
});

Deno.test("a property cannot replace what a line says of itself", async () => {
  const [line] = await linesOf(() =>
    getLogger("orders").info("Said {message}", { message: "hi", service: "x", level: 1 })
  );
  const { message, message_, service, service_, level, level_ } = JSON.parse(line!);
  assertEquals([message, message_, service, service_, level, level_], ["Said hi", "hi", "orders", "x", "INFO", 1]);
});

Deno.test("secrets appear neither in the message nor in properties nor in error stacks, in both formats", async () => {
  for (const format of ["json", "pretty"]) {
    const text = (await linesOf(() => {
      const log = getLogger("orders");
      log.info("Login by {email} with {password}", { email: "kim@example.com", password: "hunter22" });
      log.error("Failed: {error}", { error: new Error("no route to kim@example.com"), cardNumber: "4242424242424242" });
      log.info(`Plain text about kim@example.com`);
      log.info`Tagged ${"kim@example.com"}`;
    }, { format })).join("\n");
    ok(!/kim@|hunter22|4242/.test(text), text);
    match(text, /no route to REDACTED/);
  }
});

Deno.test("a record with line breaks stays one line of JSON", async () => {
  const lines = await linesOf(() => getLogger("orders").error("Failed\nbadly: {error}", { error: new Error("a\nb") }));
  strictEqual(lines.length, 1);
  ok(!lines[0]!.includes("\n"));
  strictEqual(JSON.parse(lines[0]!).error.message, "a\nb");
});

Deno.test("an error stands in the message by its own message, and among the properties with its stack", async () => {
  const [line] = await linesOf(() =>
    getLogger("orders").error("Failed: {error}", { error: new TypeError("no route") })
  );
  const { message, error } = JSON.parse(line!);
  assertEquals([message, error.name, error.message], ["Failed: no route", "TypeError", "no route"]);
  match(error.stack, /logging_test\.ts/);
});

Deno.test("records below the level are not written", async () => {
  const write = () => {
    const log = getLogger("orders");
    for (const level of ["debug", "info", "warn", "error"] as const) log[level](level);
  };
  strictEqual((await linesOf(write, { level: "warn" })).length, 2);
  strictEqual((await linesOf(write, { level: "DEBUG" })).length, 4);
});

Deno.test("the log library does not talk about itself", async () => {
  assertEquals(await linesOf(() => getLogger(["logtape", "meta"]).info("hello")), []);
});

Deno.test("properties set around a task appear in its lines", async () => {
  const [line] = await linesOf(() => withContext({ messageId: "m1" }, () => getLogger("orders").info("Done")));
  strictEqual(JSON.parse(line!).messageId, "m1");
});

Deno.test("the pretty format is one line with logger, message and the properties that the message does not show", async () => {
  const [line, ...others] = await linesOf(
    () => getLogger(["orders", "turn"]).info("Placed {id}", { id: "o1", units: 2, why: new Error("a\nb") }),
    { format: "pretty" },
  );
  match(line!, /^\d\d:\d\d:\d\d\.\d{3} INFO {2}turn: Placed o1 units=2 why=a b$/);
  assertEquals(others, []);
});

Deno.test("an unknown level or format is a fault of the configuration", async () => {
  await rejects(configureLogging({ service: "orders", level: "loud" }), { code: "config.invalid" });
  await rejects(configureLogging({ service: "orders", format: "xml" }), { code: "config.invalid" });
});
