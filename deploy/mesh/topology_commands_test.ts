import { deepStrictEqual as assertEquals, match as assertMatch, strictEqual as assertSame } from "node:assert/strict";
import { UnavailableError } from "@mesh/base";
import { CliError, exitCodes, runCli } from "@mesh/cli";
import { services, shopTopology, vhost } from "../topology.ts";
import { fakeManagement, type Items } from "./fake_management.ts";
import { topologyCommands } from "./topology_commands.ts";

async function run(args: string, management: ReturnType<typeof fakeManagement> | Error = fakeManagement()) {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await runCli(args.split(" "), {
    name: "mesh",
    description: "",
    terminal: {
      out: (text) => void out.push(text),
      err: (text) => void err.push(text),
      isColoured: false,
      ask: () => Promise.resolve(undefined),
    },
    commands: [topologyCommands({
      topologyOf: shopTopology,
      vhost,
      partitions: 1,
      services: services.map(({ name }) => name),
      connect: () => {
        if (management instanceof CliError) throw management;
        if (management instanceof Error) return { user: "admin", call: () => Promise.reject(management) };
        return management;
      },
    })],
  });
  return { code, out: out.join("\n"), err: err.join("\n") };
}

const without = (path: string, name: string) => (held: Record<string, Items>) => {
  held[path] = held[path]!.filter((item) => item.name !== name);
};

Deno.test("topology diff ends with 0 when nothing differs", async () => {
  assertEquals(await run("topology diff"), { code: 0, out: "Nothing differs", err: "" });
  assertEquals(JSON.parse((await run("topology diff --json")).out), { findings: [] });
});

Deno.test("topology diff ends with 6 when something differs, and says what that does", async () => {
  const { code, out, err } = await run("topology diff", fakeManagement(without("/api/queues/{vhost}", "orders.in.p0")));

  assertSame(code, 6);
  assertMatch(out, /^missing queue orders\.in\.p0\n {4}Its service hears nothing/);
  assertSame(err, "1 difference is left");
});

Deno.test("topology diff compares with as many partitions as it is told of", async () => {
  const { code, out } = await run("topology diff --partitions 2");

  assertSame(code, 6);
  assertMatch(out, /missing queue orders\.in\.p1/);
  assertSame((await run("topology diff --partitions 65")).code, 2);
});

Deno.test("topology apply mends what is missing and keeps what is foreign, unless it is told otherwise", async () => {
  const change = (held: Record<string, Items>) => {
    without("/api/queues/{vhost}", "orders.in.p0")(held);
    held["/api/exchanges/{vhost}"]!.push({ name: "stray", type: "topic", durable: true });
  };
  const [kept, removed] = [fakeManagement(change), fakeManagement(change)];
  const first = await run("topology apply", kept);
  const second = await run("topology apply --remove-foreign", removed);

  assertEquals([first.code, kept.calls], [6, ["PUT /api/queues/{vhost}/orders.in.p0"]]);
  assertMatch(first.out, /^mended +missing +queue +orders\.in\.p0$/m);
  assertMatch(first.out, /^kept +foreign +exchange +stray$/m);
  assertEquals([second.code, removed.calls], [0, [
    "PUT /api/queues/{vhost}/orders.in.p0",
    "DELETE /api/exchanges/{vhost}/stray",
  ]]);
});

Deno.test("topology detach cuts the bindings into one mailbox and nothing else", async () => {
  const management = fakeManagement((held) => {
    held["/api/exchanges/{vhost}"]!.push({ name: "stray", type: "topic", durable: true });
  });
  const { code, out } = await run("topology detach notifications", management);

  assertSame(code, 0);
  assertMatch(out, /^Cut \d+ bindings into the mailbox of notifications\./);
  assertEquals(management.calls.filter((line) => !/^DELETE .*\/notifications\.by-(key|cor)\//.test(line)), []);
  assertSame(management.calls.length > 0, true);
  assertSame((await run("topology detach nobody")).code, 2);
});

Deno.test("a broker that is away, and one that nobody has named, are told apart", async () => {
  const away = await run("topology diff", new UnavailableError("Cannot GET /api/queues on RabbitMQ: refused"));
  const unnamed = await run("topology diff", new CliError(exitCodes.usage, "Cannot reach RabbitMQ: not set"));

  assertEquals([away.code, away.err, unnamed.code], [5, "Cannot GET /api/queues on RabbitMQ: refused", 2]);
});
