import { deepStrictEqual as assertEquals, ok } from "node:assert/strict";
import { findPortHolder } from "@jangteo/deploy/dev/port-holders";
import { seedProducts } from "@jangteo/deploy/dev/seed-products";
import { findFreePorts, isPortFree, processesIn, processesOfGroup } from "@mesh/testing/infra";
import { waitFor } from "./harness/mod.ts";
import { newCustomer, send } from "./storefront/mod.ts";

/** A supervisor that runs as `make dev` runs it, on ports and data of its own. */
interface Supervisor {
  readonly url: string;
  readonly lines: readonly string[];
  readonly process: Deno.ChildProcess;
  untilLine(what: string, pattern: RegExp): Promise<string>;
  /** Resolves with the exit code when everything that it printed has been read. */
  readonly ended: Promise<number>;
}

/** 90 s: a cold start on a busy machine. */
const lineLimitMs = 90_000;
const root = new URL("../..", import.meta.url).pathname;

function startSupervisor(folder: string, portOffset: number): Supervisor {
  // Servers of its own: stopping them is part of what is proven.
  const inherited = Object.entries(Deno.env.toObject()).filter(([name]) =>
    !/^MESH_(AMQP|RABBITMQ|POSTGRES)/.test(name)
  );
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--frozen", "-A", `${root}deploy/dev/main.ts`, "--no-watch"].concat(
      ["--state-dir", folder, "--port-offset", String(portOffset)],
    ),
    env: Object.fromEntries(inherited),
    clearEnv: true,
    detached: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const lines: string[] = [];
  const reading = Promise.all([process.stdout, process.stderr].map(async (stream) => {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const whole = (rest + text).split("\n");
      rest = whole.pop() ?? "";
      lines.push(...whole);
    }
  }));
  return {
    url: `http://127.0.0.1:${8080 + portOffset}`,
    lines,
    process,
    untilLine: (what, pattern) =>
      waitFor(what, () => lines.find((line) => pattern.test(line)), lineLimitMs).catch((error) => {
        console.error(lines.slice(-60).join("\n"));
        throw error;
      }),
    ended: process.status.then(async ({ code }) => {
      await reading;
      return code;
    }),
  };
}

/** A block of ports that is free from the shop's first to the servers' last. */
function freeOffset(): number {
  for (;;) {
    const [port] = findFreePorts(1) as [number];
    const offset = port - 8080;
    const wanted = [8080, 9100, 9101, 9102, 9103, 9104, 9105, 9106, 9107, 9108, 9109, 9201, 9202, 9203, 9204]
      .concat([9301, 9302, 9303]);
    if (wanted.every((each) => isPortFree(each + offset))) return offset;
  }
}

Deno.test("make dev: one shop for a developer", async (test) => {
  const folder = await Deno.makeTempDir({ prefix: "jangteo-dev-" });
  await Deno.chmod(folder, 0o711);
  const offset = freeOffset();
  let supervisor = startSupervisor(folder, offset);
  try {
    let orderId = "";

    await test.step("says that it is ready, and takes an order to its end", async () => {
      assertEquals(await supervisor.untilLine("the ready line", /^ready /), `ready ${supervisor.url}`);
      const customer = await newCustomer(supervisor.url);
      orderId = await customer.place({ lines: [{ sku: seedProducts[0]!.sku, units: 1 }] });
      assertEquals((await customer.untilEnded(orderId)).status, "confirmed");
    });

    await test.step("brings back a service that crashed", async () => {
      const service = await (await fetch(`http://127.0.0.1:${9103 + offset}/health/ready`)).json();
      assertEquals(service.service, "orders");
      Deno.kill(findPortHolder(9103 + offset)!.pid, "SIGKILL");
      await supervisor.untilLine("the restart", /orders ended with code 137; starting it again/);
      await waitFor("orders to be ready", async () => {
        const answer = await fetch(`http://127.0.0.1:${9103 + offset}/health/ready`);
        await answer.body?.cancel();
        return answer.ok;
      });
    });

    await test.step("refuses a second supervisor on the same ports, and says who has them", async () => {
      const other = await Deno.makeTempDir({ prefix: "jangteo-dev-" });
      const second = startSupervisor(other, offset);
      assertEquals(await second.ended, 1);
      const said = second.lines.join("\n");
      ok(new RegExp(`${8080 + offset} for the shop: process \\d+ \\(.*services/gateway/main.ts\\)`).test(said), said);
      await Deno.remove(other, { recursive: true });
    });

    await test.step("ends with code 0 after Ctrl-C, however often it arrives at once, and leaves no process", async () => {
      const group = supervisor.process.pid;
      Deno.kill(-group, "SIGINT");
      Deno.kill(-group, "SIGINT");
      assertEquals(await supervisor.ended, 0);
      assertEquals([processesIn(folder), processesOfGroup(group)], [[], []]);
      ok(supervisor.lines.some((line) => /orders +.*Drained/.test(line)), "services drain before they end");
    });

    await test.step("finds its data again", async () => {
      supervisor = startSupervisor(folder, offset);
      await supervisor.untilLine("the ready line", /^ready /);
      const products = await send(`${supervisor.url}/v1/products?limit=100`, "GET");
      assertEquals((products.body as { items: unknown[] }).items.length, seedProducts.length);
      assertEquals(supervisor.lines.filter((line) => /applied|loading|putting/.test(line)), []);
      const events = await fetch(`http://127.0.0.1:${9201 + offset}/_simulator/ledger?order=${orderId}`);
      assertEquals((await events.json()).orders[orderId].captures, 1);
    });

    await test.step("takes everything with it when it is killed", async () => {
      ok(processesIn(folder).length > 10);
      supervisor.process.kill("SIGKILL");
      await supervisor.ended;
      await waitFor("the end of every process", () => processesIn(folder).length === 0);
    });
  } finally {
    for (const pid of processesIn(folder)) Deno.kill(pid, "SIGKILL");
    await supervisor.ended;
    await waitFor("the end of every process", () => processesIn(folder).length === 0);
    await Deno.remove(folder, { recursive: true });
  }
});
