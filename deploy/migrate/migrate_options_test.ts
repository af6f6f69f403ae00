import { deepStrictEqual as assertEquals, match, throws } from "node:assert/strict";
import { readMigrateTargets } from "./migrate_options.ts";

const known = ["orders", "users"];
const server = "postgres://admin:secret@db:5432/postgres";

function read(args: readonly string[], env: Readonly<Record<string, string>>) {
  return readMigrateTargets(args, (name) => env[name], known);
}

Deno.test("an administrator migrates every service, as its owner role, in the database that bears its name", () => {
  assertEquals(read([], { MESH_POSTGRES_URL: server, MESH_DATABASE_PREFIX: "x_" }), [
    {
      service: "orders",
      url: "postgres://admin:secret@db:5432/x_orders",
      role: "x_orders_owner",
      runtimeRole: "x_orders",
    },
    { service: "users", url: "postgres://admin:secret@db:5432/x_users", role: "x_users_owner", runtimeRole: "x_users" },
  ]);
});

Deno.test("an owner migrates one service, and need not become anybody", () => {
  const env = { MESH_POSTGRES_URL: server, MESH_OWNER_URL: "postgres://boss:pw@other/shop_orders" };

  assertEquals(read(["orders"], env), [
    { service: "orders", url: "postgres://boss:pw@other/shop_orders", runtimeRole: "shop_orders" },
  ]);
});

Deno.test("an owner's URL is refused for more services than one", () => {
  throws(() => read([], { MESH_OWNER_URL: server }), /for one service, and 0 are named/);
  throws(() => read(["orders", "users"], { MESH_OWNER_URL: server }), /for one service, and 2 are named/);
});

Deno.test("every fault is told at once, and no URL is repeated", () => {
  throws(() => read(["nope", "orders"], { MESH_OWNER_URL: "mysql://u:hunter2@db" }), (error: Error) => {
    match(error.message, /no service "nope"/);
    match(error.message, /MESH_OWNER_URL is no postgres/);
    match(error.message, /2 are named/);
    assertEquals(error.message.includes("hunter2"), false);
    return true;
  });
  throws(() => read([], {}), { code: "config.invalid", message: /neither MESH_OWNER_URL nor MESH_POSTGRES_URL/ });
});

Deno.test("help is asked for by a flag, and an unknown flag is a fault", () => {
  assertEquals(read(["--help"], {}), undefined);
  throws(() => read(["--all"], { MESH_POSTGRES_URL: server }), { code: "config.invalid" });
});
