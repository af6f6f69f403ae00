import { deepStrictEqual as assertEquals, throws as assertThrows } from "node:assert/strict";
import { gatewayConfig, gatewayVariables } from "./config.ts";

Deno.test("every variable that is read is listed, and nothing else is read", () => {
  const read: string[] = [];
  gatewayConfig((name) => {
    read.push(name);
    return undefined;
  });
  assertEquals(read, gatewayVariables);
});

Deno.test("all faults of the environment are told at once", () => {
  const env: Record<string, string> = {
    GATEWAY_PORT: "x",
    CORS_ORIGINS: "https://a.example, *, https://b.example/path",
    GATEWAY_RATE_IP_BURST: "0",
  };
  assertThrows(() => gatewayConfig((name) => env[name]), (error: Error & { code?: string }) => {
    const named = ["GATEWAY_PORT", "CORS_ORIGINS", "GATEWAY_RATE_IP_BURST"].every((name) =>
      error.message.includes(name)
    );
    return error.code === "config.invalid" && named;
  });
});

Deno.test("origins are taken as they are written", () => {
  const { corsOrigins } = gatewayConfig((name) =>
    name === "CORS_ORIGINS" ? "https://a.example, http://localhost:3000" : undefined
  );
  assertEquals(corsOrigins, ["https://a.example", "http://localhost:3000"]);
});
