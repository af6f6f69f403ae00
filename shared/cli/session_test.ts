import {
  deepStrictEqual as assertEquals,
  rejects as assertRejects,
  strictEqual as assertSame,
} from "node:assert/strict";
import { ManualClock } from "@mesh/base";
import { fakeMesh, fakeSessionFile, runMesh } from "./cli_fixture.ts";
import { openSession } from "./session.ts";

const claims = new TextEncoder().encode(JSON.stringify({ scope: "operator" })).toBase64({ alphabet: "base64url" });
const tokens = (name: string) => ({
  accessToken: `h.${claims}.${name}`,
  refreshToken: `refresh-${name}`,
  expiresInSeconds: 600,
});
const gateway = {
  "POST gateway/v1/sessions": tokens("1"),
  "POST gateway/v1/sessions/refresh": tokens("2"),
  "DELETE gateway/v1/sessions": 204,
};

function open(answers: Parameters<typeof fakeMesh>[0], file = fakeSessionFile()) {
  const clock = new ManualClock();
  const { send, requests } = fakeMesh(answers);
  const session = () => openSession({ gatewayUrl: "http://gateway", file, send, clock });
  return { session, clock, file, requests };
}

Deno.test("a login is kept, and its token used until shortly before it ends", async () => {
  const { session, clock, requests } = open(gateway);
  assertEquals(await session().logIn("o@jangteo.test", "secret"), ["operator"]);
  await clock.advance(569_000);
  assertSame(await session().token(), tokens("1").accessToken);
  await clock.advance(2_000);
  assertSame(await session().token(), tokens("2").accessToken);

  assertEquals(requests.map(({ line, body }) => [line, body]), [
    ["POST gateway/v1/sessions", { email: "o@jangteo.test", password: "secret" }],
    ["POST gateway/v1/sessions/refresh", { refreshToken: "refresh-1" }],
  ]);
});

Deno.test("commands that run at once use a refresh token once", async () => {
  const { session, clock, requests } = open(gateway);
  await session().logIn("o@jangteo.test", "secret");
  await clock.advance(600_000);
  const found = await Promise.all([session().token(), session().token(), session().token()]);

  assertEquals(new Set(found), new Set([tokens("2").accessToken]));
  assertSame(requests.filter(({ line }) => line.endsWith("/refresh")).length, 1);
});

Deno.test("a session that is over, of another shop, or unreadable asks for a new login", async () => {
  const over = open({ ...gateway, "POST gateway/v1/sessions/refresh": 401 });
  await over.session().logIn("o@jangteo.test", "secret");
  await over.clock.advance(600_000);
  await assertRejects(over.session().token(), { exitCode: 4, message: /session is over.*mesh login/ });

  const elsewhere = { gatewayUrl: "http://other", accessToken: "a", refreshToken: "r", expiresAtMs: 9e15 };
  await assertRejects(open({}, fakeSessionFile(JSON.stringify(elsewhere))).session().token(), {
    exitCode: 4,
    message: /belongs to http:\/\/other/,
  });
  await assertRejects(open({}, fakeSessionFile("{half")).session().token(), {
    exitCode: 4,
    message: /nobody is logged in/,
  });
});

Deno.test("login takes the password from the environment or asks for it, and never shows it", async () => {
  const file = fakeSessionFile();
  const typed = await runMesh("login --email o@jangteo.test", gateway, { file, token: null, typed: "typed" });
  const given = await runMesh("login --email o@jangteo.test --json", gateway, { file, token: null, password: "given" });
  const none = await runMesh("login --email o@jangteo.test", gateway, { token: null });

  assertEquals([typed.code, typed.out, typed.requests[0]?.body], [0, "Logged in; this account may: operator", {
    email: "o@jangteo.test",
    password: "typed",
  }]);
  assertEquals([given.code, JSON.parse(given.out)], [0, { scopes: ["operator"] }]);
  assertEquals([none.code, none.asked], [2, []]);
});

Deno.test("a wrong password and a gateway that is away are told apart", async () => {
  const wrong = await runMesh("login --email o@jangteo.test", { "POST gateway": 401 }, { typed: "x" });
  const away = await runMesh("login --email o@jangteo.test", { "POST gateway": undefined }, { typed: "x" });
  const busy = await runMesh("login --email o@jangteo.test", { "POST gateway": 429 }, { typed: "x" });

  assertEquals([wrong.code, wrong.err], [4, "Cannot log in: e-mail or password is wrong"]);
  assertEquals([away.code, busy.code], [5, 5]);
});

Deno.test("logout ends the session at the shop and here; without one there is nothing to do", async () => {
  const file = fakeSessionFile();
  await runMesh("login --email o@jangteo.test", gateway, { file, token: null, typed: "x" });
  const first = await runMesh("logout", gateway, { file, token: null });
  const second = await runMesh("logout", gateway, { file, token: null });

  assertEquals([first.code, first.requests[0]?.body, file.text], [0, { refreshToken: "refresh-1" }, undefined]);
  assertEquals([second.code, second.out, second.asked], [0, "Nobody was logged in", []]);
});

Deno.test("without login and token nobody is asked anything", async () => {
  const { code, err, asked } = await runMesh("dlq list", {}, { token: null });

  assertEquals([code, err, asked], [4, "Cannot do that: nobody is logged in. Set MESH_TOKEN, or use: mesh login", []]);
});
