import { deepStrictEqual as assertEquals } from "node:assert/strict";
import { altered, smallMesh, startMs } from "./audit_fixture.ts";
import { judge } from "./judge.ts";

const mesh = smallMesh();
const verdict = (owner: string, envelope: string) =>
  judge(owner, { envelope, recordedAtMs: startMs }, mesh.verifier).reason ?? "verified";

Deno.test("judge takes a genuine event of the feed's owner, with what it says", () => {
  const id = "0198d6f0-0000-7000-8000-00000000aaaa";
  const first = mesh.event("orders", "o-1", 1);
  const second = mesh.event("orders", "o-1", 2, { id, actor: "mina", causation: id });

  const { hash } = judge("orders", { envelope: first, recordedAtMs: startMs }, mesh.verifier);
  const { hash: _, ...judged } = judge("orders", { envelope: second, recordedAtMs: startMs + 5 }, mesh.verifier);

  assertEquals(judged, {
    owner: "orders",
    envelope: second,
    recordedAtMs: startMs + 5,
    facts: {
      id,
      signer: "orders",
      type: "orders.order-placed",
      schema: "orders.order-placed#1",
      subject: "orders/o-1",
      n: 2,
      prv: hash,
      correlation: "o-1",
      causation: id,
      actor: "mina",
      kid: mesh.keyOf("orders").kid,
      issuedAtS: startMs / 1000,
    },
  });
});

Deno.test("judge names what is wrong with everything else", () => {
  const genuine = mesh.event("orders", "o-2", 1);

  assertEquals({
    altered: verdict("orders", altered(genuine)),
    forged: verdict("orders", mesh.event("orders", "o-2", 1, { signedBy: "payments" })),
    unknownKey: verdict("orders", smallMesh().event("orders", "o-2", 1)),
    foreign: verdict("payments", genuine),
    command: verdict("payments", mesh.command("o-2")),
    cut: verdict("orders", genuine.slice(0, -1)),
    empty: verdict("orders", ""),
    huge: verdict("orders", "a".repeat(60_000)),
  }, {
    altered: "bad-signature",
    forged: "signer-not-owner",
    unknownKey: "unknown-key",
    foreign: "foreign-feed",
    command: "not-an-event",
    cut: "malformed",
    empty: "malformed",
    huge: "oversized",
  });
});

Deno.test("judge reads claims of an unproven envelope only in their own form", () => {
  const part = (value: unknown) => new TextEncoder().encode(JSON.stringify(value)).toBase64({ alphabet: "base64url" });
  const sly = {
    jti: "0198d6f0-0000-7000-8000-000000000001",
    iss: "orders\u0000",
    evt: "x".repeat(500),
    sub: "orders/\u001b[31m",
    cor: "o-3",
    n: -1,
    iat: "soon",
    act: { sub: ["mina"] },
  };

  const { facts, reason } = judge("orders", {
    envelope: `${part({ kid: "k\n" })}.${part(sly)}.AAAA`,
    recordedAtMs: startMs,
  }, mesh.verifier);

  assertEquals({ facts, isRefused: reason !== undefined }, {
    facts: { id: sly.jti, correlation: "o-3" },
    isRefused: true,
  });
});
