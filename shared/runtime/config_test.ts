import { deepStrictEqual as assertEquals, throws as assertThrows } from "node:assert/strict";
import { runtimeConfig } from "./config.ts";
import { defaultSettings } from "./settings.ts";

const least: Readonly<Record<string, string>> = {
  MESH_AMQP_URL: "amqp://orders:x@localhost:5672/shop",
  MESH_POSTGRES_URL: "postgres://orders:x@localhost:5432/orders",
  MESH_SIGNING_KEY_FILE: "/run/keys/orders.json",
  MESH_KEYS_FOLDER: "/run/public-keys",
  MESH_POLICY_FILE: "/etc/mesh/emit-policy.json",
  MESH_INTERNAL_PORT: "9103",
};

const read = (variables: Readonly<Record<string, string>> = {}) => {
  const env = { ...least, ...variables };
  return runtimeConfig((name) => env[name]);
};

Deno.test("what is not set has the defaults", () => {
  const { settings, partitions, peers } = read();
  assertEquals([settings, partitions, peers], [defaultSettings, 1, {}]);
});

Deno.test("settings replace single defaults, and 0 switches off what can be", () => {
  const { settings } = read({ MESH_SETTINGS: '{"gatherMs":0,"restPercent":0,"batchMax":8}' });
  assertEquals(settings, { ...defaultSettings, gatherMs: 0, restPercent: 0, batchMax: 8 });
});

for (
  const [what, text] of [
    ["a batch of none", '{"batchMax":0}'],
    ["a negative rest", '{"restPercent":-1}'],
    ["a figure that nothing reads", '{"batchMaximum":8}'],
    ["no tier", '{"tiersMs":[]}'],
    ["no JSON", "batchMax=8"],
  ] as const
) {
  Deno.test(`settings with ${what} are refused, with the variable's name`, () => {
    assertThrows(() => read({ MESH_SETTINGS: text }), { code: "config.invalid", message: /MESH_SETTINGS/ });
  });
}

Deno.test("every fault of the environment is told at once", () => {
  const faulty = { MESH_AMQP_URL: "http://localhost", MESH_PEERS: "users", MESH_PARTITIONS: "0" };
  assertThrows(
    () => read(faulty),
    ({ message }: Error) => ["MESH_AMQP_URL", "MESH_PEERS", "MESH_PARTITIONS"].every((name) => message.includes(name)),
  );
});
