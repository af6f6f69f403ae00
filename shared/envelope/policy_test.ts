import { deepStrictEqual as assertEquals, notStrictEqual, strictEqual, throws } from "node:assert/strict";
import { emitPolicyFrom, policyIndex, readEmitPolicy, receiverOf } from "./mod.ts";
import { inventory, orchestrator, orders } from "./test_world.ts";

const policy = emitPolicyFrom([orchestrator, inventory, orders]);
const index = policyIndex(policy);

Deno.test("the policy lets a service say its own events, send what it names, and nothing else", () => {
  const said = policy.rules.filter(({ iss }) => iss === "orchestrator").map(({ typ, sch, aud }) => [typ, sch, aud]);
  assertEquals(said, [
    ["mesh-command+jwt", "inventory.reserve-stock#1", "inventory"],
    ["mesh-command+jwt", "orchestrator.fire-timer#1", "orchestrator"],
    ["mesh-command+jwt", "orchestrator.record-outcome#1", "orchestrator"],
    ["mesh-event+jwt", "orchestrator.operator-acted#1", "mesh"],
    ["mesh-event+jwt", "orchestrator.security-rejected#1", "mesh"],
  ]);
});

Deno.test("the policy gives a service without timers and effects no command to itself", () => {
  assertEquals(policy.rules.filter(({ iss, aud }) => iss === "orders" && aud === "orders"), []);
});

Deno.test("the whole matrix: each service may say exactly what its rules list", () => {
  const schemas = new Set(policy.rules.map(({ sch }) => sch));
  for (const iss of ["inventory", "orders", "orchestrator", "stranger"]) {
    for (const typ of ["mesh-event+jwt", "mesh-command+jwt"] as const) {
      for (const sch of schemas) {
        const rule = policy.rules.find((rule) => rule.iss === iss && rule.typ === typ && rule.sch === sch);
        strictEqual(index.audienceOf(iss, typ, sch), rule?.aud);
      }
    }
  }
});

Deno.test("a service may call the feeds of those it hears, and nobody else's", () => {
  assertEquals(policy.calls, [
    { from: "orchestrator", to: "inventory" },
    { from: "orchestrator", to: "orders" },
  ]);
  assertEquals([index.mayCall("orchestrator", "orders"), index.mayCall("orders", "orchestrator")], [true, false]);
});

Deno.test("a reader of all feeds may call everybody but itself", () => {
  const { calls } = emitPolicyFrom([inventory, { ...orders, readsAllFeeds: true }, orchestrator]);
  assertEquals(calls.filter(({ from }) => from === "orders").map(({ to }) => to), ["inventory", "orchestrator"]);
});

Deno.test("the policy and its hash do not depend on the order of the services, but on what they say", () => {
  strictEqual(policyIndex(emitPolicyFrom([orders, orchestrator, inventory])).hash, index.hash);
  notStrictEqual(policyIndex(emitPolicyFrom([orders, orchestrator])).hash, index.hash);
});

Deno.test("emitPolicyFrom refuses two services of one name and a service named like the audience of events", () => {
  throws(() => emitPolicyFrom([orders, orders]), { code: "config.invalid" });
  throws(() => emitPolicyFrom([{ ...orders, name: "mesh" }]), { code: "config.invalid" });
});

Deno.test("readEmitPolicy reads what was written and refuses anything else, naming every fault", () => {
  assertEquals(readEmitPolicy(JSON.stringify(policy)), policy);
  throws(() => readEmitPolicy("{"), { code: "config.invalid" });
  throws(() => readEmitPolicy(JSON.stringify({ ...policy, version: 2, extra: 1 })), /version.*extra/s);
});

Deno.test("receiverOf takes a service's own commands, its subscriptions, and its commands to itself", () => {
  const { subscribes } = receiverOf(orchestrator);
  const takes = (exchange: string, routingKey: string, type: string, version = 1) =>
    subscribes({ exchange, routingKey }, { type, version });
  strictEqual(takes("mesh.events", "inventory.stock-reserved.v1.k27.c07", "inventory.stock-reserved"), true);
  strictEqual(takes("mesh.commands", "orchestrator.fire-timer.v1.k27", "orchestrator.fire-timer"), true);
  strictEqual(takes("mesh.events", "inventory.stock-reserved.v2.k27.c07", "inventory.stock-reserved", 2), false);
  strictEqual(takes("mesh.commands", "inventory.reserve-stock.v1.k27", "inventory.reserve-stock"), false);
});

Deno.test("the policy marks events that no service subscribes to, and a publisher takes unknown ones for heard", () => {
  const unheard = policy.rules.filter(({ heard }) => heard === false).map(({ sch }) => sch);
  const subscribed = [orchestrator, inventory, orders].flatMap(({ subscribes }) =>
    subscribes.map(({ event: { type, version } }) => `${type}#${version}`)
  );
  strictEqual(unheard.includes("orders.security-rejected#1"), true);
  for (const sch of subscribed) assertEquals([sch, unheard.includes(sch)], [sch, false]);
  strictEqual(index.isHeard("orders", "orders.security-rejected#1"), false);
  for (const sch of [...subscribed, "orders.never-heard-of#1"]) strictEqual(index.isHeard("orders", sch), true);
  assertEquals(readEmitPolicy(JSON.stringify(policy)), policy);
});
