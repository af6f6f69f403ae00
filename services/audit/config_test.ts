import { strictEqual as assertEquals, throws as assertThrows } from "node:assert/strict";
import { auditConfig } from "./config.ts";

Deno.test("the feed interval is half a second, or what the environment says, within bounds", () => {
  const read = (text?: string) => auditConfig((name) => name === "AUDIT_FEED_INTERVAL_MS" ? text : undefined);
  assertEquals(read().feedIntervalMs, 500);
  assertEquals(read("").feedIntervalMs, 500);
  assertEquals(read("20").feedIntervalMs, 20);
  for (const wrong of ["0", "5", "often", "1.5", "3600000"]) {
    assertThrows(() => read(wrong), { code: "config.invalid", message: /AUDIT_FEED_INTERVAL_MS/ });
  }
});
