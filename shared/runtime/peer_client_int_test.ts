import { deepStrictEqual as assertEquals, rejects as assertRejects } from "node:assert/strict";
import { httpPeerClient } from "./peer_client.ts";

Deno.test("httpPeerClient calls with the callee's token over one kept connection and passes every status on", async () => {
  const ports = new Set<number>();
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request, { remoteAddr }) => {
    ports.add(remoteAddr.port);
    return new Response(request.headers.get("authorization"), { status: request.url.endsWith("?a=1") ? 200 : 404 });
  });
  const peers = httpPeerClient({ users: `http://127.0.0.1:${server.addr.port}` }, (audience) => `for-${audience}`);
  const answers = [];
  for (const path of ["/v1?a=1", "/nowhere"]) {
    const response = await peers.call("users", path, { signal: new AbortController().signal });
    answers.push([response.status, await response.text()]);
  }
  assertEquals([answers, ports.size], [[[200, "Bearer for-users"], [404, "Bearer for-users"]], 1]);
});

Deno.test("httpPeerClient ends a call with the caller's signal, and takes that for an outage", async () => {
  const [asked, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<Response>()];
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
    asked.resolve();
    return ended.promise;
  });
  const peers = httpPeerClient({ users: `http://127.0.0.1:${server.addr.port}` }, () => "token");
  const caller = new AbortController();
  const call = peers.call("users", "/", { signal: caller.signal });
  await asked.promise;
  caller.abort();
  await assertRejects(call, { code: "dependency.unavailable", dependency: "users" });
  ended.resolve(new Response());
});

Deno.test("httpPeerClient takes a peer without an address, or without a listener, for an outage", async () => {
  const peers = httpPeerClient({ gone: "http://127.0.0.1:1" }, () => "token");
  await assertRejects(peers.call("unknown", "/"), { code: "dependency.unavailable" });
  await assertRejects(peers.call("gone", "/"), { code: "dependency.unavailable" });
});
