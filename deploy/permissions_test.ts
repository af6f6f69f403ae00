import { deepStrictEqual as assertEquals, ok } from "node:assert/strict";
import { denoFlags, variablesOf } from "./permissions.ts";
import { serviceNamed, services } from "./topology.ts";

const env = {
  MESH_AMQP_URL: "amqp://shipping:secret@broker.test:5672/mesh",
  MESH_POSTGRES_URL: "postgres://shipping:secret@db.test/shipping",
  MESH_SIGNING_KEY_FILE: "/keys/shipping.json",
  MESH_KEYS_FOLDER: "/public-keys",
  MESH_POLICY_FILE: "/policy.json",
  MESH_PEERS: "users=http://users.test:9101",
  MESH_INTERNAL_HOST: "0.0.0.0",
  MESH_INTERNAL_PORT: "9106",
  ACCESS_TOKEN_JWKS_URL: "http://users.test:9101/.well-known/jwks.json",
  CARRIER_URL: "https://carrier.test/v2",
  // Somebody else's: no permission may follow from it.
  PAYMENT_PROVIDER_URL: "https://payments.test",
};

function flag(flags: readonly string[], name: string): readonly string[] {
  return flags.find((one) => one.startsWith(`--${name}=`))?.slice(name.length + 3).split(",") ?? [];
}

Deno.test("a service reaches its broker, its database, its own port, its peers and its external parties, and no more", () => {
  assertEquals(flag(denoFlags(serviceNamed("shipping"), env), "allow-net"), [
    "0.0.0.0:9106",
    "broker.test:5672",
    "carrier.test:443",
    "db.test:5432",
    "users.test:9101",
  ]);
});

Deno.test("a service reads its own key, the public keys and the policy, and no other file", () => {
  assertEquals(flag(denoFlags(serviceNamed("shipping"), env), "allow-read"), [
    "/keys/shipping.json",
    "/policy.json",
    "/public-keys",
  ]);
});

Deno.test("a service reads the variables that it names; any other is answered as not set", () => {
  const flags = denoFlags(serviceNamed("shipping"), env);

  assertEquals(flag(flags, "allow-env"), variablesOf(serviceNamed("shipping")));
  ok(flags.includes("--ignore-env"));
  ok(!flag(flags, "allow-env").includes("PAYMENT_PROVIDER_URL"));
});

Deno.test("no service may write, run, load native code, look at the system, or ask for more", () => {
  for (const service of services) {
    const flags = denoFlags(service, env);

    assertEquals(flags.filter((one) => /^(-A|--allow-(all|write|run|ffi|sys|import|env$|net$|read$))/.test(one)), []);
    ok(flags.includes("--no-prompt"), service.name);
  }
});

Deno.test("the gateway may listen on its public port as well", () => {
  const flags = denoFlags(serviceNamed("gateway"), { ...env, MESH_INTERNAL_PORT: "9100", GATEWAY_PORT: "8181" });

  ok(flag(flags, "allow-net").includes("127.0.0.1:8181"));
});
