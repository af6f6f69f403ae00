import { deepStrictEqual as assertEquals, match as assertMatch, strictEqual as assertSame } from "node:assert/strict";
import { runMesh } from "./cli_fixture.ts";

Deno.test("help names every command, the exit codes and the environment, and is no failure", async () => {
  const { code, out, err } = await runMesh("--help", {});

  assertSame(err, "");
  assertSame(code, 0);
  assertSame(
    out,
    `Usage: mesh [options] [command]

Looks after a mesh.

Options:
  --json            print one JSON document instead of text
  -h, --help        display help for command

Commands:
  login [options]   log in at the gateway; the session is kept for the commands that follow
  logout            end the session
  order             what happened to one order
  dlq               dead letters: messages that will not be handled by themselves
  redrives|redrive  redrives of many dead letters, each a job; begun with: dlq redrive
  sagas|saga        sagas: processes that span services
  timers|timer      timers: deadlines that actors and sagas wait for
  lanes|lane        lanes: messages that wait behind one that failed, so that they do not overtake
                    it
  outbox            outboxes: what services have said and nobody answered yet
  projections       read models, made from other services' events
  help [command]    display help for command

Environment: MESH_TOKEN

Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 not allowed, 5 unavailable, 6 differs.`,
  );
});

Deno.test("help of a command shows its arguments and options, the global ones too", async () => {
  const { code, out } = await runMesh("dlq discard --help", {});

  assertSame(code, 0);
  assertSame(
    out,
    `Usage: mesh dlq discard [options] <id...>

give dead letters up; they stay on record

Arguments:
  id                of dead letters; all of one service change together or not at all

Options:
  --reason <text>   why; it is recorded and signed
  --service <name>  the service that has them; all are asked otherwise
  -h, --help        display help for command

Global Options:
  --json            print one JSON document instead of text

Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 not allowed, 5 unavailable, 6 differs.`,
  );
});

Deno.test("every group says what belongs to it", async () => {
  const commandsOf = async (group: string) => {
    const { out } = await runMesh(`${group} --help`, {});
    return [...out.slice(out.indexOf("Commands:")).matchAll(/^ {2}([a-z-]+) /gm)].map(([, name]) => name);
  };

  assertEquals(await commandsOf("order"), ["timeline", "help"]);
  assertEquals(await commandsOf("dlq"), ["list", "show", "redrive", "discard", "help"]);
  assertEquals(await commandsOf("redrive"), ["list", "show", "pause", "resume", "cancel", "help"]);
  assertEquals(await commandsOf("sagas"), ["list", "resume", "retry-step", "compensate", "settle", "help"]);
  assertEquals(await commandsOf("timers"), ["list", "explain", "shift", "cancel", "help"]);
  assertEquals(await commandsOf("outbox"), ["status", "redrive", "help"]);
  assertEquals(await commandsOf("projections"), ["list", "rebuild", "help"]);
});

Deno.test("a wrong command line ends with 2, asks nobody, and says what is wrong", async () => {
  const wrong = async (args: string) => {
    const { code, out, err, asked } = await runMesh(args, {});
    assertEquals({ code, out, asked }, { code: 2, out: "", asked: [] }, args);
    return err;
  };

  assertMatch(await wrong(""), /Usage: mesh/);
  assertMatch(await wrong("dlq"), /Usage: mesh dlq/);
  assertMatch(await wrong("dlp list"), /unknown command 'dlp'\s+\(Did you mean dlq\?\)/);
  assertMatch(await wrong("dlq list --servcie orders"), /unknown option '--servcie'/);
  assertMatch(await wrong("dlq list --status buried"), /Allowed choices are dead, redriven, discarded, all/);
  assertMatch(await wrong("dlq list --limit 0"), /1 to 10000/);
  assertMatch(await wrong("dlq show"), /missing required argument 'id'/);
  assertMatch(await wrong("dlq discard abc"), /required option '--reason <text>'/);
  assertMatch(await wrong("dlq redrive abc"), /--reason is not given/);
  assertMatch(await wrong("dlq redrive --reason fixed"), /say which letters, by their ids, .* or --all/);
  assertMatch(await wrong("dlq redrive abc --all --reason fixed"), /either ids or what narrows a choice/);
  assertMatch(await wrong("dlq redrive abc --rate 1 --reason fixed"), /go at once, without limits/);
  assertMatch(await wrong("dlq redrive --all --rate 0 --reason fixed"), /A number from 0.01 to 1000/);
  assertMatch(
    await wrong("dlq redrive --since yesterday --reason fixed"),
    /A time with its zone is needed, or a duration/,
  );
  assertMatch(await wrong("redrive pause abc"), /required option '--reason <text>'/);
  assertMatch(await wrong("outbox redrive --reason ab"), /3 to 500 characters/);
  assertMatch(await wrong("dlq list --service ordres"), /there are orders, payments/);
  assertMatch(await wrong("logout now"), /too many arguments/);
});

Deno.test("with --json errors are JSON, too", async () => {
  const { code, out, err } = await runMesh("outbox status --json", {
    "GET orders": undefined,
    "GET payments": undefined,
  });

  assertEquals({ code, out, err: JSON.parse(err) }, {
    code: 5,
    out: "",
    err: { error: "Cannot reach orders at http://orders: Connection refused. Is the shop running?", exitCode: 5 },
  });
});
