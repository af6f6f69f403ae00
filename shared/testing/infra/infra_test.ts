import { deepStrictEqual as assertEquals, rejects as assertRejects, throws as assertThrows } from "node:assert/strict";
import { findSource } from "./find_source.ts";
import { inVhost, managementFromUrl, urlFromManagement, withUser, withVhost } from "./management.ts";
import { withDatabase } from "./postgres_admin.ts";
import { brokerConfig, brokerEnvironment } from "./rabbitmq_settings.ts";
import { startInfra } from "./start_infra.ts";
import { stateDir } from "./state_dir.ts";

const settings = {
  folder: "/var/lib/jangteo/0a0b0c0d/rabbitmq",
  ports: { amqp: 5682, management: 15682, distribution: 25682, epmd: 4379 },
  user: "admin",
  password: "p",
  path: "/usr/bin",
};

Deno.test("every listener of the broker is bound to loopback by its settings", () => {
  const config = brokerConfig(settings);
  const env = brokerEnvironment(settings);

  assertEquals(config.match(/^(listeners|management\.tcp).*$/gm), [
    "listeners.tcp.1 = 127.0.0.1:5682",
    "management.tcp.ip = 127.0.0.1",
    "management.tcp.port = 15682",
  ]);
  assertEquals(env.ERL_EPMD_ADDRESS, "127.0.0.1");
  assertEquals(env.RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS, "-kernel inet_dist_use_interface {127,0,0,1}");
});

Deno.test("definitions move to another vhost without touching users", () => {
  const definitions = {
    vhosts: [{ name: "mesh" }],
    users: [{ name: "orders", password_hash: "x", tags: "" }],
    queues: [{ name: "orders.in.p0", vhost: "mesh", durable: true }],
    bindings: [{ source: "mesh.events", destination: "orders.in.p0", vhost: "mesh" }],
  };

  assertEquals(inVhost(definitions, "t7"), {
    vhosts: [{ name: "t7" }],
    users: [{ name: "orders", password_hash: "x", tags: "" }],
    queues: [{ name: "orders.in.p0", vhost: "t7", durable: true }],
    bindings: [{ source: "mesh.events", destination: "orders.in.p0", vhost: "t7" }],
  });
});

Deno.test("URLs take another vhost, user or database, with signs that need escaping", () => {
  assertEquals(withVhost("amqp://admin:p@127.0.0.1:5682", "a/b"), "amqp://admin:p@127.0.0.1:5682/a%2Fb");
  assertEquals(
    withUser("amqp://admin:p@127.0.0.1:5682/t", "orders", "a:b@c"),
    "amqp://orders:a%3Ab%40c@127.0.0.1:5682/t",
  );
  assertEquals(
    withDatabase("postgres://postgres:p@127.0.0.1:5442/postgres", "orders"),
    "postgres://postgres:p@127.0.0.1:5442/orders",
  );
});

Deno.test("a management URL survives being taken apart and put together", () => {
  const access = { url: "http://127.0.0.1:15682", user: "admin", password: "a/b@c:d" };

  assertEquals(managementFromUrl(urlFromManagement(access)), access);
});

Deno.test("the state folder lies under the home of an ordinary user, and differs per clone", () => {
  assertEquals(stateDir("/home/ann/a", { HOME: "/home/ann" }, 1000).slice(0, -8), "/home/ann/.local/state/jangteo/");
  assertEquals(stateDir("/a", { HOME: "/home/ann", XDG_STATE_HOME: "/s" }, 1000).slice(0, -8), "/s/jangteo/");
  assertEquals(stateDir("/a", {}, 0) === stateDir("/b", {}, 0), false);
  assertThrows(() => stateDir("/a", {}, 1000), { code: "config.invalid" });
});

Deno.test("servers named in the environment are used before anything else", async () => {
  const env = { MESH_POSTGRES_URL: "postgres://db/x" };

  assertEquals(await findSource("postgres", { mode: "auto", env }), "external");
});

Deno.test("servers named in the environment need no folder, and none is touched when they are let go", async () => {
  const env = { MESH_POSTGRES_URL: "postgres://db/x" };
  const infra = await startInfra({ wants: ["postgres"], env, stateDir: "/nowhere", keep: false });

  // This test has no permission to touch any.
  await infra.stop();
  assertEquals(infra.postgres.adminUrl, "postgres://db/x");
});

Deno.test("a broker named by half is refused instead of silently replaced", async () => {
  const env = { MESH_AMQP_URL: "amqp://broker" };

  await assertRejects(findSource("rabbitmq", { mode: "auto", env }), {
    code: "config.invalid",
    message: "Cannot use the rabbitmq of the environment: MESH_RABBITMQ_MANAGEMENT_URL not set",
  });
  await assertRejects(findSource("postgres", { mode: "external", env: {} }), { code: "config.invalid" });
});
