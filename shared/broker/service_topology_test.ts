import { deepStrictEqual as assertEquals, ok, throws } from "node:assert/strict";
import { slotCount } from "@mesh/base";
import { slotWord } from "@mesh/contract";
import { conformanceServices } from "./conformance/services.ts";
import { MemoryRouter } from "./memory_router.ts";
import { rightsOf } from "./memory_rights.ts";
import { brokerTopology } from "./mod.ts";

const onePartition = brokerTopology(conformanceServices, { partitions: 1 });

Deno.test("brokerTopology names everything as the architecture has it", () => {
  assertEquals(onePartition.exchanges.map(({ name }) => name), [
    "mesh.events",
    "mesh.commands",
    "mesh.retry.1000",
    "mesh.retry.10000",
    "mesh.retry.60000",
    "mesh.retry.600000",
    "mesh.dead",
    "shelf.by-key",
    "planner.by-key",
    "planner.by-cor",
    "herald.by-key",
  ]);
  assertEquals(onePartition.queues.filter(({ name }) => name.startsWith("shelf.")), [
    { name: "shelf.in.p0", isSingleActiveConsumer: true },
    { name: "shelf.retry.1000", isSingleActiveConsumer: false },
    { name: "shelf.retry.10000", isSingleActiveConsumer: false },
    { name: "shelf.retry.60000", isSingleActiveConsumer: false },
    { name: "shelf.retry.600000", isSingleActiveConsumer: false },
    { name: "shelf.dead", isSingleActiveConsumer: false },
  ]);
});

Deno.test("brokerTopology binds types into intakes and, with one partition, everything out of them", () => {
  const written = onePartition.bindings
    .filter(({ destination }) => destination.startsWith("planner."))
    .map(({ source, destination, destinationType, pattern }) =>
      `${source} -${pattern}-> ${destinationType} ${destination}`
    );
  assertEquals(written, [
    "mesh.commands -planner.fire-timer.v1.*-> exchange planner.by-key",
    "mesh.commands -planner.record-outcome.v1.*-> exchange planner.by-key",
    "mesh.events -shelf.was-put-away.v1.#-> exchange planner.by-cor",
    "planner.by-key -#-> queue planner.in.p0",
    "planner.by-cor -#-> queue planner.in.p0",
    "mesh.retry.1000 -planner.in.#-> queue planner.retry.1000",
    "mesh.retry.10000 -planner.in.#-> queue planner.retry.10000",
    "mesh.retry.60000 -planner.in.#-> queue planner.retry.60000",
    "mesh.retry.600000 -planner.in.#-> queue planner.retry.600000",
    "mesh.dead -planner-> queue planner.dead",
  ]);
});

Deno.test("brokerTopology brings every slot to exactly one partition of each service that wants the type", () => {
  for (const partitions of [1, 2, 3, 8, 64]) {
    const router = new MemoryRouter(brokerTopology(conformanceServices, { partitions }).bindings);
    for (let slot = 0; slot < slotCount; slot += 1) {
      const [k, c] = [slotWord(slot), slotWord((slot + 5) % slotCount)];
      assertEquals([...router.queuesFor("mesh.commands", `shelf.put-away.v1.k${k}`)], [
        `shelf.in.p${slot % partitions}`,
      ]);
      assertEquals([...router.queuesFor("mesh.events", `shelf.was-put-away.v1.k${k}.c${c}`)].sort(), [
        `herald.in.p${slot % partitions}`,
        `planner.in.p${(slot + 5) % slotCount % partitions}`,
      ]);
    }
  }
});

Deno.test("brokerTopology routes no other type, no other version and nothing that only resembles a type", () => {
  const router = new MemoryRouter(onePartition.bindings);
  const keys = ["shelf.put-away.v2.k00", "shelf.put.v1.k00", "shelf.put-away.v1", "shelf.put-away.v1.k00.c00"];
  assertEquals(keys.map((key) => router.queuesFor("mesh.commands", key).size), [0, 0, 0, 0]);
  assertEquals(router.queuesFor("mesh.events", "shelf.put-away.v1.k00.c00").size, 0);
});

Deno.test("brokerTopology takes the number of partitions by service", () => {
  const { queues } = brokerTopology(conformanceServices, { partitions: (service) => service === "shelf" ? 3 : 1 });
  const mailboxes = queues.map(({ name }) => name).filter((name) => name.includes(".in."));
  assertEquals(mailboxes, ["shelf.in.p0", "shelf.in.p1", "shelf.in.p2", "planner.in.p0", "herald.in.p0"]);
});

Deno.test("brokerTopology puts exactly one policy on every queue", () => {
  const policiesOf = (queue: string) =>
    onePartition.policies.filter(({ pattern }) => new RegExp(pattern).test(queue)).map(({ name }) => name);
  const byQueue = Object.fromEntries(onePartition.queues.map(({ name }) => [name, policiesOf(name)]));
  ok(Object.values(byQueue).every((names) => names.length === 1), JSON.stringify(byQueue));
  assertEquals([byQueue["shelf.in.p0"], byQueue["shelf.retry.1000"], byQueue["shelf.dead"]], [
    ["shelf.in"],
    ["mesh.retry.1000"],
    ["mesh.dead"],
  ]);
  assertEquals(onePartition.policies.find(({ name }) => name === "shelf.in"), {
    name: "shelf.in",
    pattern: "^shelf\\.in\\.p[0-9]+$",
    deliveryLimit: 100,
    deadLetterExchange: "mesh.dead",
    deadLetterRoutingKey: "shelf",
  });
});

Deno.test("brokerTopology gives each service its own queues and the keys that it may say, and no more", () => {
  const rights = Object.fromEntries(onePartition.users.map((user) => [user.name, rightsOf(user)]));
  const { shelf, planner, herald, logbook } = rights;
  const granted = [
    shelf!.mayRead("shelf.in.p0"),
    shelf!.mayRead("shelf.dead"),
    shelf!.mayWrite("mesh.events", "shelf.was-put-away.v1.k00.c00"),
    shelf!.mayWrite("mesh.commands", "shelf.fire-timer.v1.k00"),
    shelf!.mayWrite("mesh.retry.1000", "shelf.in.p0"),
    planner!.mayWrite("mesh.commands", "shelf.put-away.v1.k63"),
    planner!.mayWrite("mesh.commands", "nobody.vanish.v1.k00"),
    logbook!.mayWrite("mesh.events", "logbook.operator-acted.v1.k00.c00"),
  ];
  const refused = [
    shelf!.mayRead("shelf.retry.1000"),
    shelf!.mayRead("shelf.in.p0x"),
    shelf!.mayRead("planner.in.p0"),
    shelf!.mayRead("mesh.events"),
    shelf!.mayWrite("mesh.events", "planner.was-put-away.v1.k00.c00"),
    shelf!.mayWrite("mesh.events", "shelfish.was-put-away.v1.k00.c00"),
    shelf!.mayWrite("mesh.commands", "shelf.put-away.v1.k00"),
    shelf!.mayWrite("mesh.commands", "planner.fire-timer.v1.k00"),
    shelf!.mayWrite("mesh.retry.1000", "planner.in.p0"),
    shelf!.mayWrite("mesh.dead", "shelf"),
    shelf!.mayWrite("mesh.dead", "planner"),
    shelf!.mayWrite("shelf.by-key", "shelf.put-away.v1.k00"),
    shelf!.mayWrite("", "shelf.in.p0"),
    planner!.mayWrite("mesh.commands", "shelf.put-away.v2.k00"),
    planner!.mayWrite("mesh.commands", "xshelf.put-away.v1.k00"),
    planner!.mayWrite("mesh.commands", "shelfxput-away.v1.k00"),
    herald!.mayWrite("mesh.commands", "shelf.put-away.v1.k00"),
    logbook!.mayRead("logbook.dead"),
    logbook!.mayWrite("mesh.commands", "logbook.fire-timer.v1.k00"),
    logbook!.mayWrite("mesh.retry.1000", "logbook.in.p0"),
  ];
  assertEquals([granted, refused], [granted.map(() => true), refused.map(() => false)]);
});

Deno.test("brokerTopology names a topic right for every shared exchange and every user, because none means all", () => {
  const shared = onePartition.exchanges.map(({ name }) => name).filter((name) => name.startsWith("mesh.")).sort();
  for (const { name, topicWrite } of onePartition.users) {
    assertEquals([name, Object.keys(topicWrite).sort()], [name, shared]);
  }
});

Deno.test("brokerTopology refuses partitions and tiers that cannot be", () => {
  for (const partitions of [0, 65, 1.5]) {
    throws(() => brokerTopology(conformanceServices, { partitions }), /partitions/);
  }
  for (const tiersMs of [[], [0], [5, 5], [1.5]]) {
    throws(() => brokerTopology(conformanceServices, { partitions: 1, tiersMs }), /tiers/);
  }
  throws(() => brokerTopology([...conformanceServices, ...conformanceServices], { partitions: 1 }), /share a name/);
});
