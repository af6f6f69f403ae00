import { deepStrictEqual as assertEquals, match as assertMatch, strictEqual as assertSame } from "node:assert/strict";
import { ManualClock, UnavailableError } from "@mesh/base";
import { type MeshAccess, meshAccess, openSession, runCli } from "@mesh/cli";
import { services, shopTopology, vhost } from "../topology.ts";
import { fakeManagement } from "./fake_management.ts";
import { recoverCommands } from "./recover_commands.ts";

/** What a service answers to `GET orders/health/ready`; a number is a status. */
type Answers = (line: string, count: number) => unknown;

const names = ["orders", "orchestrator"];
const calm = { outboxCount: 0, unansweredOldestMs: 0 };

/** A mesh of two services whose saga ends at the fourth look, unless a test says otherwise. */
function answering(some: Answers = () => undefined): Answers {
  return (line, count) => {
    const answer = some(line, count);
    if (answer !== undefined) return answer;
    if (line.includes("/health/ready")) return {};
    if (line.startsWith("POST")) return { due: line.includes("orders/") ? 3 : 4 };
    if (line.includes("/status")) return calm;
    return { items: count < 4 ? [{ stream: "orchestrator/place-order/o-1" }] : [] };
  };
}

function accessTo(answers: Answers): { readonly mesh: MeshAccess; readonly asked: string[] } {
  const asked: string[] = [];
  const send = (url: string, { method }: RequestInit) => {
    const { hostname, pathname } = new URL(url);
    const line = `${method} ${hostname}${pathname}`;
    asked.push(line);
    const answer = answers(line, asked.filter((one) => one === line).length);
    return Promise.resolve(
      typeof answer === "number"
        ? Response.json({ title: `Title of ${answer}` }, { status: answer })
        : Response.json(answer),
    );
  };
  const file = { update: () => Promise.reject(new Error("no session is needed")) };
  const session = openSession({ gatewayUrl: "http://gateway", file, send, clock: new ManualClock(), token: "t" });
  return { mesh: meshAccess(names.map((name) => ({ name, url: `http://${name}` })), { session, send }), asked };
}

interface Given {
  readonly answers?: Answers;
  readonly management?: Partial<ReturnType<typeof fakeManagement>>;
  readonly knowsPasswords?: boolean;
}

async function run(args: string, { answers = answering(), management, knowsPasswords = true }: Given = {}) {
  const { mesh, asked } = accessTo(answers);
  const broker = { ...fakeManagement(), ...management };
  const imports: string[][] = [];
  const client = {
    ...broker,
    vhost,
    createVhost: () => Promise.resolve(),
    importDefinitions: ({ users }: { users: readonly { name: string }[] }) => {
      imports.push(users.map(({ name }) => name));
      return Promise.resolve();
    },
  };
  const clock = new ManualClock();
  const [out, err]: [string[], string[]] = [[], []];
  let isOver = false;
  const running = runCli(args.split(" "), {
    name: "mesh",
    description: "",
    terminal: {
      out: (text) => void out.push(text),
      err: (text) => void err.push(text),
      isColoured: false,
      ask: () => Promise.resolve(undefined),
    },
    commands: [recoverCommands({
      topologyOf: shopTopology,
      vhost,
      partitions: 1,
      services: services.map(({ name }) => name),
      connect: () => client,
      mesh,
      sagaHost: "orchestrator",
      passwordOf: (user) => Promise.resolve(knowsPasswords ? `password of ${user}` : undefined),
      clock,
    })],
  }).finally(() => isOver = true);
  for (let passed = 0; !isOver && passed < 2_000; passed += 1) await clock.advance(1_000);
  return { code: await running, out: out.join("\n"), err: err.join("\n"), asked, imports };
}

const command = "recover broker --reason lost";

/** A broker that has lost the users, and has them after the import. */
function forgetful() {
  const broker = fakeManagement();
  let looks = 0;
  return {
    ...broker,
    call: (method: string, path: string) =>
      path === "/api/users" && looks++ === 0
        ? Promise.resolve([{ name: "admin" }, { name: "orders" }])
        : broker.call(method, path),
  };
}

Deno.test("recover broker loads what is missing, redrives every outbox once all are ready, and waits for the sagas", async () => {
  const slow = answering((line, count) => line === "GET orders/health/ready" && count < 3 ? 503 : undefined);
  const { code, out, err, asked, imports } = await run(command, { answers: slow, management: forgetful() });

  assertSame(code, 0);
  assertMatch(out, /^7 messages were sent again by 2 services; every unfinished saga had ended \d\.0 s later$/);
  assertEquals(imports, [services.map(({ name }) => name).filter((name) => name !== "orders")]);
  assertEquals(asked.filter((line) => line.startsWith("POST")).sort(), [
    "POST orchestrator/operator/v1/outbox/redrive",
    "POST orders/operator/v1/outbox/redrive",
  ]);
  assertEquals(
    asked.indexOf("POST orders/operator/v1/outbox/redrive") > asked.lastIndexOf("GET orders/health/ready"),
    true,
  );
  assertEquals(err.split("\n").map((line) => line.replace(/^ *[\d.]+ s {2}/, "").replace(/\d\d+/g, "n")), [
    "RabbitMQ has n queues and n bindings",
    "every service is ready",
    "7 messages of 2 outboxes are on their way again",
    "1 sagas are unfinished",
    "0 sagas are unfinished",
  ]);
});

Deno.test("recover broker changes nothing when a user is missing and nobody knows its password", async () => {
  const { code, err, asked, imports } = await run(command, { management: forgetful(), knowsPasswords: false });

  assertEquals([code, asked, imports], [1, [], []]);
  assertMatch(err, /Cannot make the broker's users gateway, .*: their passwords are unknown; .*MESH_PASSWORDS_FOLDER/);
});

Deno.test("recover broker goes on without a service that is away, says so, and is no success", async () => {
  const { code, out, err, asked } = await run(command, {
    answers: answering((line) => line.includes("GET orders/health") ? 503 : undefined),
  });

  assertEquals([code, asked.includes("POST orders/operator/v1/outbox/redrive")], [5, false]);
  assertMatch(out, /^4 messages were sent again by 1 services/);
  assertMatch(err, /Not recovered: orders\. Start them and ask again$/);
});

Deno.test("recover broker waits as long as something from before is unanswered, and ends with 1 when time is up", async () => {
  const waiting = { outboxCount: 1, unansweredOldestMs: 10_000_000 };
  const { code, out, err } = await run(`${command} --within 20s`, {
    answers: answering((line, count) => {
      if (line.includes("orders/operator/v1/status")) return waiting;
      return line.includes("/instances") ? { items: [{ stream: `orchestrator/place-order/o-${count}` }] } : undefined;
    }),
  });

  assertEquals(code, 1);
  assertMatch(out, /1 of \d+ unfinished sagas have not ended 2\d\.0 s later$/);
  assertMatch(err, /1 sagas have not ended: orchestrator\/place-order\/o-\d+$/);
});

Deno.test("recover broker asks a second time where a service's log had moved on, and a broker that stays away ends it", async () => {
  const moved = await run(`${command} --no-wait --json`, {
    answers: answering((line, count) => line.startsWith("POST orders") && count === 1 ? 409 : undefined),
  });
  const away = await run(command, {
    management: { call: () => Promise.reject(new UnavailableError("Cannot GET /api/overview on RabbitMQ: refused")) },
  });

  assertEquals([moved.code, JSON.parse(moved.out).redriven], [
    0,
    [{ service: "orders", due: 3 }, { service: "orchestrator", due: 4 }],
  ]);
  assertEquals([away.code, away.asked], [5, []]);
});
