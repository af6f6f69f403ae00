import { Buffer } from "node:buffer";
import {
  deepStrictEqual as assertEquals,
  doesNotMatch,
  notStrictEqual,
  ok,
  rejects,
  strictEqual,
  throws,
} from "node:assert/strict";
import { calculateJwkThumbprint } from "jose";
import { ManualClock } from "@mesh/base";
import {
  fixedKeyDirectory,
  generateSigningKey,
  keyFile,
  openKeyDirectory,
  publicKeyFromJwk,
  signEnvelope,
  signingKeyFromJwk,
  thumbprint,
  verifyEnvelope,
} from "./mod.ts";
import { asInventory, commandFixture, jwkOfSeed, keyFiles, keys, published } from "./test_world.ts";

const configFault = { code: "config.invalid" };

Deno.test("thumbprint agrees with jose", async () => {
  const { x } = published(0x11).jwk;
  strictEqual(thumbprint(x), await calculateJwkThumbprint({ kty: "OKP", crv: "Ed25519", x }));
});

Deno.test("a generated key signs what its published half verifies", () => {
  const { key, privateJwk, publicJwk } = generateSigningKey("orchestrator");
  const { name, text } = keyFile("orchestrator", [{ jwk: publicJwk, status: "active" }]);
  const { token } = signEnvelope(commandFixture, signingKeyFromJwk("orchestrator", privateJwk));
  strictEqual(verifyEnvelope(token, { ...asInventory, keys: fixedKeyDirectory({ [name]: text }) }).kid, key.kid);
  doesNotMatch(text, /"d"/);
});

Deno.test("two generated keys differ", () => {
  notStrictEqual(generateSigningKey("orders").key.kid, generateSigningKey("orders").key.kid);
});

const brokenPrivateKeys: readonly (readonly [string, string])[] = [
  ["text that is no JSON", "secret-text"],
  ["null", "null"],
  ["a public key", JSON.stringify(published(0x11).jwk)],
  ["another curve", JSON.stringify({ ...JSON.parse(jwkOfSeed(0x11)), crv: "Ed448" })],
  ["a seed of 31 bytes", JSON.stringify({ ...JSON.parse(jwkOfSeed(0x11)), d: Buffer.alloc(31).toString("base64url") })],
  ["halves of two keys", JSON.stringify({ ...JSON.parse(jwkOfSeed(0x11)), x: published(0x22).jwk.x })],
];
for (const [what, text] of brokenPrivateKeys) {
  Deno.test(`signingKeyFromJwk refuses ${what} and does not quote it`, () => {
    throws(() => signingKeyFromJwk("orders", text), (error) => {
      const { code, message, cause } = error as Error & { code: string };
      ok(!message.includes("secret-text") && cause === undefined);
      return code === "config.invalid";
    });
  });
}

const ed25519 = { kty: "OKP", crv: "Ed25519" };
for (
  const [what, hex] of [
    ["0", "00".repeat(32)],
    ["1", `01${"00".repeat(31)}`],
    ["1 with its sign bit set", `01${"00".repeat(30)}80`],
    ["order 8", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"],
    ["order 8, negated", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"],
    ["p - 1", `ec${"ff".repeat(30)}7f`],
    ["p", `ed${"ff".repeat(30)}7f`],
    ["p + 1", `ee${"ff".repeat(30)}ff`],
  ] as const
) {
  Deno.test(`publicKeyFromJwk refuses the point of small order ${what}`, () => {
    const x = Buffer.from(hex, "hex").toString("base64url");
    throws(() => publicKeyFromJwk({ ...ed25519, x }, "orders"), /small order/);
  });
}

Deno.test("publicKeyFromJwk refuses a kid that is not the thumbprint", () => {
  throws(() => publicKeyFromJwk({ ...published(0x11).jwk, kid: published(0x22).jwk.kid }, "orders"), configFault);
});

Deno.test("publicKeyFromJwk refuses a second spelling of the same key", () => {
  const { x } = published(0x11).jwk;
  throws(() => publicKeyFromJwk({ ...ed25519, x: `${x.slice(0, -1)}d` }, "orders"), /base64url/);
});

Deno.test("a directory knows each key's owner and status and publishes them as a JWK set without secrets", () => {
  const directory = fixedKeyDirectory({ ...keyFiles(), "README.md": "not a key file", "..jwks.json": "neither" });
  const found = directory.find(keys.retiredOrchestrator.kid);
  assertEquals([found?.service, found?.status, directory.find("nobody")], ["orchestrator", "retired", undefined]);
  const { keys: listed } = directory.jwks();
  assertEquals(listed.map(({ mesh_service, mesh_status }) => `${mesh_service} ${mesh_status}`).sort(), [
    "inventory active",
    "orchestrator active",
    "orchestrator retired",
    "orders active",
  ]);
  const members = ["alg", "crv", "kid", "kty", "mesh_service", "mesh_status", "use", "x"];
  for (const key of listed) assertEquals(Object.keys(key).sort(), members);
});

const brokenDirectories: readonly (readonly [string, Record<string, string>])[] = [
  ["a file that is no JSON", { "orders.jwks.json": "{" }],
  ["a file that is no key set", { "orders.jwks.json": "{}" }],
  ["a private key", { "orders.jwks.json": JSON.stringify({ keys: [JSON.parse(jwkOfSeed(0x11))] }) }],
  ["an unknown status", {
    "orders.jwks.json": JSON.stringify({ keys: [{ ...published(0x11).jwk, mesh_status: "x" }] }),
  }],
  ["one key of two services", {
    "orders.jwks.json": keyFile("orders", [published(0x11)]).text,
    "inventory.jwks.json": keyFile("inventory", [published(0x11)]).text,
  }],
  ["the same key twice", { "orders.jwks.json": keyFile("orders", [published(0x11), published(0x11, "retired")]).text }],
];
for (const [what, files] of brokenDirectories) {
  Deno.test(`a directory with ${what} is refused whole`, () => throws(() => fixedKeyDirectory(files), configFault));
}

/** A directory whose files a test can change. */
async function openChanging(files: Record<string, string>) {
  const clock = new ManualClock();
  const state = { files, readings: 0 };
  const readDirectory = () => {
    state.readings += 1;
    return "error" in state.files ? Promise.reject(new Error("disk is gone")) : Promise.resolve(state.files);
  };
  return { clock, state, directory: await openKeyDirectory({ readDirectory, clock }) };
}

Deno.test("refresh finds a key that was added, at most once per 30 s", async () => {
  const { clock, state, directory } = await openChanging({});
  state.files = keyFiles();
  assertEquals([await directory.refresh(), directory.find(keys.orders.kid)], [false, undefined]);
  await clock.advance(29_999);
  strictEqual(await directory.refresh(), false);
  await clock.advance(1);
  strictEqual(await directory.refresh(), true);
  strictEqual(directory.find(keys.orders.kid)?.service, "orders");
  assertEquals([await directory.refresh(), state.readings], [false, 2]);
});

Deno.test("refreshes that are asked for at the same time share one reading", async () => {
  const { clock, state, directory } = await openChanging(keyFiles());
  await clock.advance(30_000);
  assertEquals(await Promise.all([directory.refresh(), directory.refresh()]), [true, true]);
  strictEqual(state.readings, 2);
});

Deno.test("a refresh that fails keeps the known keys in force, says so until it succeeds, and is not hurried", async () => {
  const { clock, state, directory } = await openChanging(keyFiles());
  await clock.advance(30_000);
  state.files = { error: "" };
  const away = { code: "dependency.unavailable", dependency: "key-directory" };
  await rejects(directory.refresh(), away);
  await rejects(directory.refresh(), away);
  strictEqual(directory.find(keys.orders.kid)?.status, "active");
  state.files = { "orders.jwks.json": "half a fi" };
  await clock.advance(30_000);
  await rejects(directory.refresh(), away);
  strictEqual(state.readings, 3);
  state.files = keyFiles();
  await clock.advance(30_000);
  strictEqual(await directory.refresh(), true);
});

Deno.test("a directory that cannot be read at the start does not open", async () => {
  await rejects(openChanging({ error: "" }), { code: "dependency.unavailable" });
  await rejects(openChanging({ "orders.jwks.json": "{" }), configFault);
});
