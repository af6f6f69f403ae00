import { deepStrictEqual as assertEquals, match, ok, throws } from "node:assert/strict";
import { runtimeVariables } from "@mesh/runtime";
import { environmentOf, type EnvironmentPlan, passedOn } from "../dev/shop_environment.ts";
import { denoFlags, telemetryVariables } from "../permissions.ts";
import { services } from "../topology.ts";
import { composeEnvironment, composeFile } from "./compose_file.ts";
import { composeSchema } from "./compose_schema.ts";

const compose = composeSchema.parse(composeFile());

/** What the supervisor of `make dev` would set; only the names matter. */
const plan: EnvironmentPlan = {
  ports: {
    gateway: 8080,
    internal: Object.fromEntries(services.map(({ name, internalPort }) => [name, internalPort])),
    payment: 9201,
    carrier: 9202,
    smtp: 9203,
    mailPage: 9204,
  },
  secrets: {
    services: Object.fromEntries(services.map(({ name }) => [name, { broker: "b", database: "d" }])),
    paymentKey: "sk_test_x",
  },
  files: {
    keysFolder: "/k",
    policyFile: "/p",
    signingKeyFiles: Object.fromEntries(services.map(({ name }) => [name, `/s/${name}`])),
    tokenKeyFile: "/t",
    paymentKeyFile: "/y",
  },
  databaseUrls: Object.fromEntries(services.map(({ name }) => [name, `postgres://${name}:d@127.0.0.1:5432/${name}`])),
  brokerUrl: "amqp://guest:guest@127.0.0.1:5672",
  vhost: "mesh",
  partitions: 1,
  settings: {},
  sagaLimits: {},
  seedFile: "/seed",
  logFormat: "json",
  logLevel: "info",
  inherited: {},
  extra: {},
};

Deno.test("docker-compose.yml fits its schema, and every port is published on loopback", () => {
  const published = Object.values(compose.services).flatMap(({ ports = [] }) => ports);

  ok(published.length >= services.length);
  for (const port of published) match(port, /^127\.0\.0\.1:/);
  assertEquals(new Set(published).size, published.length);
});

for (const service of services) {
  Deno.test(`the container of ${service.name} is given what the supervisor of make dev gives the process`, () => {
    // Replicas count up from one where nothing is said; a container has no more to say than a process.
    const apart = new Set([...passedOn, ...telemetryVariables, "MESH_REPLICAS", "MESH_ORDINAL", "NO_COLOR"]);
    const names = (env: Readonly<Record<string, string>>) => Object.keys(env).filter((name) => !apart.has(name)).sort();
    // The supervisor gives MESH_SETTINGS and the like to all; SAGA_LIMITS, MAIL_FROM to whom its contract names.
    assertEquals(names(composeEnvironment(service)), names(environmentOf(service, plan)));
  });

  Deno.test(`the container of ${service.name} has the permissions that follow from its environment, and no other`, () => {
    const { command = [], environment } = compose.services[service.name]!;

    assertEquals(command, ["run", ...denoFlags(service, environment), `services/${service.name}/main.ts`]);
    assertEquals(command.filter((flag) => /^--allow-(run|write|ffi|sys|all)|^-A$/.test(flag)), []);
  });

  Deno.test(`the container of ${service.name} cannot change itself`, () => {
    const { read_only, cap_drop, security_opt, user } = compose.services[service.name]!;

    assertEquals([read_only, cap_drop, security_opt, user], [
      true,
      ["ALL"],
      ["no-new-privileges:true"],
      "65532:65532",
    ]);
  });
}

Deno.test("what must be set for a service to start is set in every container", () => {
  const wanted = runtimeVariables.filter((name) => /^MESH_(AMQP_URL|POSTGRES_URL|.*_FILE|.*_FOLDER)$/.test(name));

  for (const { name } of services) {
    const { environment } = compose.services[name]!;
    assertEquals(wanted.filter((variable) => !Object.hasOwn(environment, variable)), []);
  }
});

Deno.test("the schema refuses what Compose would ignore or what is not there", () => {
  const base = composeFile() as { readonly services: Readonly<Record<string, object>> };
  const refused = (change: object) => {
    const services = { ...base.services, orders: { ...base.services.orders, ...change } };
    throws(() => composeSchema.parse({ ...base, services }));
  };

  refused({ enviroment: {} });
  refused({ ports: ["9103:9103"] });
  refused({ depends_on: { provison: { condition: "service_completed_successfully" } } });
  refused({ depends_on: { provision: { condition: "service_healthy" } } });
  refused({ volumes: ["keys:/var/lib/jangteo:ro"] });
  refused({ image: "jangteo/orders" });
});
