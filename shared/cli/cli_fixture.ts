import { ManualClock } from "@mesh/base";
import { deadLetterCommands } from "./dead_letter_commands.ts";
import { laneCommands } from "./lane_commands.ts";
import { meshAccess } from "./mesh_access.ts";
import { outboxCommands } from "./outbox_commands.ts";
import { runCli } from "./program.ts";
import { projectionCommands } from "./projection_commands.ts";
import { redriveCommands } from "./redrive_commands.ts";
import { sagaCommands } from "./saga_commands.ts";
import type { Send } from "./service_client.ts";
import { openSession, type SessionFile } from "./session.ts";
import { sessionCommands } from "./session_commands.ts";
import { timerCommands } from "./timer_commands.ts";
import { timelineCommand } from "./timeline_command.ts";

/** One request that a service got. */
export interface FakeRequest {
  /** `POST orders/operator/v1/outbox/redrive?x=y`. */
  readonly line: string;
  readonly body: unknown;
  readonly token: string | undefined;
}

/** Answers a request: a status for a problem, anything else as JSON; `undefined` when the service does not answer. */
export type Answer = (request: FakeRequest) => unknown;

/**
 * Services that answer as a test says.
 *
 * @param answers By the beginning of the request's line; the longest one counts. What nobody answers is a 404.
 */
export function fakeMesh(answers: Readonly<Record<string, Answer | unknown>>) {
  const requests: FakeRequest[] = [];
  const send: Send = (url, init) => {
    const { hostname, pathname, search } = new URL(url);
    const request = {
      line: `${init.method} ${hostname}${pathname}${search}`,
      body: typeof init.body === "string" ? JSON.parse(init.body) : undefined,
      token: new Headers(init.headers).get("authorization")?.replace("Bearer ", ""),
    };
    requests.push(request);
    const found = Object.keys(answers).filter((start) => request.line.startsWith(start))
      .sort((a, b) => b.length - a.length)[0];
    const answer = found === undefined ? 404 : answers[found];
    const made: unknown = typeof answer === "function" ? answer(request) : answer;
    if (made === undefined) return Promise.reject(new TypeError("error sending request: Connection refused"));
    if (typeof made !== "number") return Promise.resolve(Response.json(made));
    if (made === 204) return Promise.resolve(new Response(null, { status: 204 }));
    return Promise.resolve(Response.json({ title: `Title of ${made}`, status: made }, { status: made }));
  };
  return { send, requests };
}

/** A session file in memory, which one at a time may change. */
export function fakeSessionFile(initial?: string): SessionFile & { text: string | undefined } {
  let turn: Promise<unknown> = Promise.resolve();
  const file = {
    text: initial,
    update: <T>(
      change: (text: string | undefined) => Promise<{ readonly text: string | undefined; readonly result: T }>,
    ) => {
      const done = turn.then(async () => {
        const { text, result } = await change(file.text);
        file.text = text;
        return result;
      });
      turn = done.catch(() => {});
      return done;
    },
  };
  return file;
}

/** What came of one command line. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** Lines of the requests that were sent. */
  readonly asked: readonly string[];
}

/** What a test may change about the command line. */
export interface CommandLine {
  readonly services?: readonly string[];
  /** Default: the token `operator`. */
  readonly token?: string | null;
  readonly file?: SessionFile;
  readonly clock?: ManualClock;
  readonly password?: string;
  /** What is typed when asked. */
  readonly typed?: string;
}

/** Runs `mesh <args>` against services that answer as a test says; their host is their name. */
export async function runMesh(
  args: string,
  answers: Readonly<Record<string, Answer | unknown>>,
  { services = ["orders", "payments"], token = "operator", file, clock, password, typed }: CommandLine = {},
): Promise<Outcome & { readonly requests: readonly FakeRequest[] }> {
  const { send, requests } = fakeMesh(answers);
  const time = clock ?? new ManualClock();
  const [out, err]: [string[], string[]] = [[], []];
  const session = openSession({
    gatewayUrl: "http://gateway",
    file: file ?? fakeSessionFile(),
    send,
    clock: time,
    ...(token === null ? {} : { token }),
  });
  const mesh = meshAccess(services.map((name) => ({ name, url: `http://${name}` })), { session, send });
  const code = await runCli(wordsOf(args), {
    name: "mesh",
    description: "Looks after a mesh.",
    footer: "\nEnvironment: MESH_TOKEN",
    terminal: {
      out: (text) => void out.push(text),
      err: (text) => void err.push(text),
      isColoured: false,
      ask: () => Promise.resolve(typed),
    },
    commands: [
      sessionCommands({ session, ...(password === undefined ? {} : { password }) }),
      timelineCommand(mesh, { noun: "order", auditService: "audit", keysUrl: "http://gateway/keys", send }),
      deadLetterCommands(mesh, time),
      redriveCommands(mesh, time),
      sagaCommands(mesh, ["orchestrator"]),
      timerCommands(mesh),
      laneCommands(mesh),
      outboxCommands(mesh),
      projectionCommands(mesh, time),
    ],
  });
  return { code, out: out.join("\n"), err: err.join("\n"), asked: requests.map(({ line }) => line), requests };
}

/** Splits at spaces, except within single quotes. */
function wordsOf(args: string): readonly string[] {
  return (args.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replace(/^'|'$/g, ""));
}
