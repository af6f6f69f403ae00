import { deepStrictEqual as assertEquals, throws as assertThrows } from "node:assert/strict";
import { runtimeVariables } from "@mesh/runtime";
import { usersConfig, usersVariables } from "./config.ts";
import { service } from "./service.ts";

const complete: Readonly<Record<string, string>> = {
  USERS_TOKEN_KEY_FILE: "/run/keys/tokens.json",
  ACCESS_TOKEN_ISSUER: "https://shop.example",
  ACCESS_TOKEN_AUDIENCE: "shop",
};

Deno.test("usersConfig fills in what has a default", () => {
  assertEquals(usersConfig((name) => complete[name]), {
    tokenKeyFile: "/run/keys/tokens.json",
    issuer: "https://shop.example",
    audience: "shop",
    clientId: "storefront",
  });
  const seeded: Readonly<Record<string, string>> = { ...complete, USERS_SEED_FILE: "/run/seed.json" };
  assertEquals(usersConfig((name) => seeded[name]).seedFile, "/run/seed.json");
});

Deno.test("usersConfig names every fault at once and repeats no value", () => {
  const wrong: Readonly<Record<string, string>> = {
    USERS_TOKEN_KEY_FILE: "",
    USERS_CLIENT_ID: "Top Secret",
    ACCESS_TOKEN_ISSUER: "two words",
  };
  assertThrows(() => usersConfig((name) => wrong[name]), (error: Error & { code?: string }) => {
    const named = usersVariables.filter((name) => error.message.includes(name));
    const leaked = ["Top Secret", "two words"].filter((value) => error.message.includes(value));
    assertEquals([error.code, named.sort(), leaked], ["config.invalid", [
      "ACCESS_TOKEN_AUDIENCE",
      "ACCESS_TOKEN_ISSUER",
      "USERS_CLIENT_ID",
      "USERS_TOKEN_KEY_FILE",
    ], []]);
    return true;
  });
});

Deno.test("usersConfig asks for no variable that it does not list", () => {
  const asked = new Set<string>();
  usersConfig((name) => {
    asked.add(name);
    return complete[name];
  });
  assertEquals([...asked].sort(), [...usersVariables].sort());
});

Deno.test("usersConfig reads nothing that the process has no permission for", () => {
  const permitted = new Set([...runtimeVariables, ...service.variables ?? []]);
  assertEquals(usersVariables.filter((name) => !permitted.has(name)), []);
});
