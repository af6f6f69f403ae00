import { deepStrictEqual as assertEquals, throws as assertThrows } from "node:assert/strict";
import { meshEnvironment } from "./mesh_environment.ts";

const read = (variables: Record<string, string>) =>
  meshEnvironment((name) => ({ HOME: "/home/op", ...variables })[name]);
const urlOf = (variables: Record<string, string>, service: string) =>
  read(variables).services.find(({ name }) => name === service)?.url;

Deno.test("without variables the command line finds the shop of this machine, and nobody is logged in", () => {
  const { services, ...rest } = read({});

  assertEquals(rest, {
    gatewayUrl: "http://127.0.0.1:8080",
    partitions: 1,
    sessionPath: "/home/op/.config/jangteo/session.json",
  });
  assertEquals(services.find(({ name }) => name === "audit"), { name: "audit", url: "http://127.0.0.1:9109" });
});

Deno.test("variables move single services, or all of them, and bring tokens", () => {
  const offset = { MESH_PORT_OFFSET: "1000", MESH_INTERNAL_URLS: "orders=http://10.0.0.3:9103/x, audit=https://audit" };
  assertEquals(["gateway", "orders", "audit"].map((name) => urlOf(offset, name)), [
    "http://127.0.0.1:10100",
    "http://10.0.0.3:9103",
    "https://audit",
  ]);
  const { gatewayUrl, token, sessionPath, management, passwordsFolder } = read({
    ...offset,
    XDG_CONFIG_HOME: "/cfg",
    MESH_TOKEN: "t",
    MESH_RABBITMQ_MANAGEMENT_URL: "http://admin:a%40b@127.0.0.1:15672",
    MESH_PASSWORDS_FOLDER: "/run/secrets",
  });
  assertEquals({ gatewayUrl, token, sessionPath, management, passwordsFolder }, {
    passwordsFolder: "/run/secrets",
    gatewayUrl: "http://127.0.0.1:9080",
    token: "t",
    sessionPath: "/cfg/jangteo/session.json",
    management: { url: "http://127.0.0.1:15672", user: "admin", password: "a@b" },
  });
});

Deno.test("a wrong variable is named, and what it holds is not repeated", () => {
  const refused = (variables: Record<string, string>, message: RegExp) =>
    assertThrows(() => read(variables), (error: Error & { exitCode?: number }) => {
      assertEquals([error.exitCode, message.test(error.message), error.message.includes("secret")], [2, true, false]);
      return true;
    });

  refused({ MESH_PORT_OFFSET: "many" }, /MESH_PORT_OFFSET/);
  refused({ MESH_PARTITIONS: "65" }, /MESH_PARTITIONS/);
  refused({ MESH_INTERNAL_URLS: "ordres=http://x" }, /"ordres", which is no service/);
  refused({ MESH_INTERNAL_URLS: "orders=secret" }, /MESH_INTERNAL_URLS/);
  refused({ MESH_GATEWAY_URL: "secret" }, /MESH_GATEWAY_URL/);
  refused({ MESH_RABBITMQ_MANAGEMENT_URL: "amqp://u:secret@x" }, /MESH_RABBITMQ_MANAGEMENT_URL/);
  refused({ MESH_RABBITMQ_MANAGEMENT_URL: "http://secret" }, /names no user/);
  refused({ HOME: "" }, /HOME/);
});
