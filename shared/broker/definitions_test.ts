import { deepStrictEqual as assertEquals, throws } from "node:assert/strict";
import { conformanceServices } from "./conformance/services.ts";
import { brokerTopology, definitionsOf, hashPassword } from "./mod.ts";

const topology = brokerTopology(conformanceServices, { partitions: 1, tiersMs: [1_000] });
const passwordHashes = Object.fromEntries(topology.users.map(({ name }) => [name, `hash of ${name}`]));

Deno.test("definitionsOf writes what cannot be a policy as arguments and the rest as policies", () => {
  const { queues, policies } = definitionsOf(topology, { vhost: "mesh", passwordHashes });
  assertEquals(queues.slice(0, 2), [
    {
      vhost: "mesh",
      name: "shelf.in.p0",
      durable: true,
      auto_delete: false,
      arguments: { "x-queue-type": "quorum", "x-single-active-consumer": true },
    },
    {
      vhost: "mesh",
      name: "shelf.retry.1000",
      durable: true,
      auto_delete: false,
      arguments: { "x-queue-type": "quorum" },
    },
  ]);
  assertEquals(policies.map(({ name, definition }) => [name, definition]).filter(([name]) => name !== "herald.in"), [
    ["shelf.in", {
      overflow: "reject-publish",
      "delivery-limit": 100,
      "dead-letter-exchange": "mesh.dead",
      "dead-letter-strategy": "at-least-once",
      "dead-letter-routing-key": "shelf",
    }],
    ["planner.in", {
      overflow: "reject-publish",
      "delivery-limit": 100,
      "dead-letter-exchange": "mesh.dead",
      "dead-letter-strategy": "at-least-once",
      "dead-letter-routing-key": "planner",
    }],
    ["mesh.retry.1000", {
      overflow: "reject-publish",
      "message-ttl": 1_000,
      "dead-letter-exchange": "",
      "dead-letter-strategy": "at-least-once",
    }],
    ["mesh.dead", { overflow: "reject-publish", "delivery-limit": 1_000_000_000 }],
  ]);
});

Deno.test("definitionsOf lets nobody declare anything, and names topic rights for every exchange", () => {
  const { users, permissions, topic_permissions } = definitionsOf(topology, { vhost: "mesh", passwordHashes });
  assertEquals(permissions.map(({ configure }) => configure), ["^$", "^$", "^$", "^$"]);
  assertEquals(users[0], {
    name: "shelf",
    password_hash: "hash of shelf",
    hashing_algorithm: "rabbit_password_hashing_sha256",
    tags: "",
  });
  assertEquals(topic_permissions.filter(({ user }) => user === "herald"), [
    { user: "herald", vhost: "mesh", exchange: "mesh.events", write: "^herald\\.", read: "^$" },
    { user: "herald", vhost: "mesh", exchange: "mesh.commands", write: "^$", read: "^$" },
    { user: "herald", vhost: "mesh", exchange: "mesh.dead", write: "^$", read: "^$" },
    { user: "herald", vhost: "mesh", exchange: "mesh.retry.1000", write: "^herald\\.in\\.", read: "^$" },
  ]);
});

Deno.test("definitionsOf names every user that lacks a password", () => {
  throws(
    () => definitionsOf(topology, { vhost: "mesh", passwordHashes: { shelf: "x", herald: "x" } }),
    { code: "config.invalid", message: "Cannot write definitions: no password for planner, logbook" },
  );
});

Deno.test("hashPassword refuses a salt of another length than RabbitMQ's", () => {
  throws(() => hashPassword("secret", new Uint8Array(8)), { code: "defect" });
});
