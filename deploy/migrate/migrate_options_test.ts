import { deepStrictEqual as assertEquals, match, throws } from "node:assert/strict";
import { readMigrateTargets } from "./migrate_options.ts";

const known = ["orders", "users"];
const server = "postgres://admin:secret@db:5432/postgres";

Deno.test("without names every service is migrated, by its owner role, in the database that bears its name", () => {
  assertEquals(readMigrateTargets([], { MESH_POSTGRES_URL: server, MESH_DATABASE_PREFIX: "x_" }, known), [
    {
      service: "orders",
      url: "postgres://admin:secret@db:5432/x_orders",
      role: "x_orders_owner",
      runtimeRole: "x_orders",
    },
    { service: "users", url: "postgres://admin:secret@db:5432/x_users", role: "x_users_owner", runtimeRole: "x_users" },
  ]);
});

Deno.test("a service's own URL goes before the server's, and its owner needs not to become anybody", () => {
  const env = {
    MESH_POSTGRES_URL: server,
    MESH_POSTGRES_URL_ORDERS: "postgres://boss:pw@other/shop_orders",
    MESH_OWNER_ROLE: "none",
    MESH_RUNTIME_ROLE: "orders_app",
  };

  assertEquals(readMigrateTargets(["orders"], env, known), [
    { service: "orders", url: "postgres://boss:pw@other/shop_orders", runtimeRole: "orders_app" },
  ]);
});

Deno.test("every fault is told at once, and no URL is repeated", () => {
  const read = () =>
    readMigrateTargets(["nope", "orders"], { MESH_POSTGRES_URL_ORDERS: "mysql://u:hunter2@db" }, known);

  throws(read, (error: Error & { code: string }) => {
    assertEquals(error.code, "config.invalid");
    match(error.message, /no service "nope"/);
    match(error.message, /MESH_POSTGRES_URL_ORDERS is no postgres/);
    assertEquals(error.message.includes("hunter2"), false);
    return true;
  });
});

Deno.test("help is asked for by a flag, and an unknown flag is a fault", () => {
  assertEquals(readMigrateTargets(["--help"], {}, known), undefined);
  throws(() => readMigrateTargets(["--all"], { MESH_POSTGRES_URL: server }, known), { code: "config.invalid" });
});
