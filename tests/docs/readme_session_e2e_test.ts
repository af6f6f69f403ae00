import { match, ok, strictEqual } from "node:assert/strict";
import { provideProgram } from "@mesh/testing/infra";
import { withShop } from "../e2e/harness/mod.ts";
import { codeBlocks } from "./markdown.ts";
import { readText } from "./repository.ts";

/** 90 s: what the blocks do takes two, on an idle machine. */
const limitMs = 90_000;

Deno.test("the README's session runs as written, from registration to the audit", async () => {
  const blocks = codeBlocks(readText("README.md")).filter(({ info }) => info === "sh test=session");
  ok(blocks.length >= 6, `found ${blocks.length} blocks`);
  await provideProgram("curl");
  await withShop({ isSeeded: true }, async ({ shop }) => {
    const { code, stdout, stderr } = await runScript(blocks.map((block) => block.code), shop.url);
    strictEqual(code, 0, `${stdout}\n${stderr}`);
    const [registered, listed, placed, watched, read, audited] = stdout.split(separator).map((part) => part.trim())
      .filter((part) => part !== "");
    strictEqual(registered, '{"status":"accepted"}');
    match(listed!, /"sku":"TEA-0001"/);
    match(placed!, /^HTTP\/1.1 202 /);
    const orderId = /^location: \/v1\/orders\/([0-9a-f-]{36})\r?$/im.exec(placed!)?.[1];
    ok(orderId !== undefined, placed);
    match(watched!, /^event: order$/m);
    match(watched!.split("\n").findLast((line) => line.startsWith("data: "))!, /"status":"confirmed"/);
    const order = JSON.parse(read!);
    strictEqual(order.orderId, orderId);
    strictEqual(order.status, "confirmed");
    strictEqual(order.totalMinor, 2 * 1290 + 1990);
    const lines = audited!.split("\n");
    ok(lines.every((line) => / verified [a-z.-]+$/.test(line)), audited);
    for (const type of ["orders.order-placed", "payments.payment-captured", "orders.order-confirmed"]) {
      strictEqual(lines.filter((line) => line.endsWith(` ${type}`)).length, 1, `${type} in\n${audited}`);
    }
  });
});

/** Between the outputs of two blocks. */
const separator = "-- the next block --\n";

/** One shell for all blocks, as a reader has it; unlike the reader's, it ends at the first failure. */
async function runScript(
  blocks: readonly string[],
  url: string,
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const script = ["set -euo pipefail", ...blocks].join(`\nprintf '%s' '${separator}'\n`);
  const { code, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", script],
    env: { JANGTEO: url },
    stdin: "null",
    signal: AbortSignal.timeout(limitMs),
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
