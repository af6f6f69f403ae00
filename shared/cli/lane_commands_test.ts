import { deepStrictEqual as assertEquals, match } from "node:assert/strict";
import { runMesh } from "./cli_fixture.ts";

const lane = "orders/order-1~order-1";
const held = {
  lane,
  state: "dead",
  reason: "defect",
  deadLetterId: "letter-1",
  closedAtMs: 2_000,
  parkedCount: 2,
  head: { messageId: "message-1", type: "orders.place-order", correlation: "order-1", attempt: 6 },
};
const waiting = { ...held, lane: "payments/order-2~order-2", state: "retry", closedAtMs: 1_000, parkedCount: 0 };

Deno.test("mesh lanes list shows every service's lanes, the one that was held up first first", async () => {
  const { code, out, asked } = await runMesh("lane list", {
    "GET orders/operator/v1/lanes": { items: [held], count: 1 },
    "GET payments/operator/v1/lanes": { items: [waiting], count: 1 },
  });
  assertEquals(code, 0);
  const lines = out.split("\n");
  match(lines[1]!, /payments\s+payments\/order-2~order-2 .*waits for its next attempt/);
  match(lines[2]!, /orders\s+orders\/order-1~order-1 .*orders.place-order\s+6\s+defect\s+2\s+DEAD/);
  assertEquals(asked, ["GET orders/operator/v1/lanes?limit=200", "GET payments/operator/v1/lanes?limit=200"]);
});

Deno.test("mesh lanes list says when nothing is held up", async () => {
  const { out } = await runMesh("lanes list --service orders", { "GET orders": { items: [], count: 0 } });
  assertEquals(out, "No lane is held up");
});

for (
  const [verb, said] of [["release", /is tried again; 2 messages go on/], ["skip", /is given up; 2 messages/]] as const
) {
  Deno.test(`mesh lanes ${verb} asks the service that the lane is named after, with the reason`, async () => {
    const path = `POST orders/operator/v1/lanes/${verb}`;
    const { code, out, requests } = await runMesh(`lanes ${verb} ${lane} --reason 'mended'`, { [path]: held });
    assertEquals(code, 0);
    match(out, said);
    assertEquals(requests.map(({ line, body }) => [line, body]), [[path, { lane, reason: "mended" }]]);
  });
}

Deno.test("mesh lanes release asks for the service where the name does not tell it, and for a reason", async () => {
  const nameless = await runMesh("lanes release orders/order-1 --reason mended", {});
  assertEquals(nameless.code, 2);
  match(nameless.err, /name the service with --service/);
  const unreasoned = await runMesh(`lanes release ${lane}`, {});
  assertEquals(unreasoned.code, 2);
});

Deno.test("mesh lanes skip says that there is no such lane", async () => {
  const { code, err } = await runMesh(`lanes skip ${lane} --reason mended`, { "POST orders": 404 });
  assertEquals(code === 0, false);
  match(err, /404/);
});
