import { deepStrictEqual as assertEquals, match as assertMatch } from "node:assert/strict";
import { createRequire } from "node:module";
import { type Json, systemIds } from "@mesh/base";
import {
  draftEnvelope,
  eventClaims,
  fixedKeyDirectory,
  generateSigningKey,
  keyFile,
  sealEnvelopes,
} from "@mesh/envelope";

/**
 * A folder in which Node finds `jose`: the very package that the project pins, out of Deno's cache. Node is there, because
 * the bootstrap takes Deno from npm.
 */
async function openNode() {
  const folder = await Deno.makeTempDir({ prefix: "interop_" });
  await copyFolder(packageFolder(createRequire(import.meta.url).resolve("jose")), `${folder}/node_modules/jose`);
  await Deno.copyFile(new URL("verify_envelope.mjs", import.meta.url), `${folder}/verify_envelope.mjs`);
  return {
    folder,
    verify: async (keys: string, envelopes: readonly string[]) => {
      const child = new Deno.Command("node", {
        // Node.js 18 calls Ed25519 experimental.
        args: ["--no-warnings", "verify_envelope.mjs", keys],
        cwd: folder,
        clearEnv: true,
        env: { PATH: Deno.env.get("PATH") ?? "" },
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode(envelopes.join("\n")));
      await writer.close();
      const { code, stdout, stderr } = await child.output();
      const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
      return { code, lines: text(stdout) === "" ? [] : text(stdout).split("\n"), complaint: text(stderr) };
    },
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

function packageFolder(file: string): string {
  const match = /^(.*\/jose\/\d+\.\d+\.\d+)\//.exec(file);
  if (match === null) throw new Error(`No folder of a package: ${file}`);
  return match[1]!;
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyFolder(`${from}/${name}`, `${to}/${name}`);
    else await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

/** Two services, their published keys, and events that they signed. */
function openMesh() {
  const keys = new Map(["orders", "payments"].map((name) => [name, generateSigningKey(name)]));
  const files = [...keys].map(([name, { publicJwk }]) => keyFile(name, [{ jwk: publicJwk, status: "active" }]));
  const ids = systemIds();
  const jwks = fixedKeyDirectory(Object.fromEntries(files.map(({ name, text }) => [name, text]))).jwks();
  const draft = (service: "orders" | "payments", data: Json) => {
    const claims = eventClaims({
      message: { kind: "event", type: `${service}.done`, version: 1, key: "o-1", data },
      id: ids.next(),
      service,
      correlation: "o-1",
      causation: null,
      nowMs: Date.now(),
      n: 1,
      prv: null,
      re: [],
    });
    return draftEnvelope(claims, keys.get(service)!.key);
  };
  /** Signs events together. */
  const batch = (service: "orders" | "payments", data: readonly Json[]) =>
    sealEnvelopes(data.map((each) => draft(service, each)), keys.get(service)!.key);
  return { jwks, batch, event: (service: "orders" | "payments", data: Json) => batch(service, [data])[0]! };
}

Deno.test("envelopes verify with plain jose under Node, with the keys as they are published", async () => {
  await using node = await openNode();
  const { jwks, event } = openMesh();
  await Deno.writeTextFile(`${node.folder}/jwks.json`, JSON.stringify(jwks));
  const envelopes = [event("orders", { note: "차 두 통, 3 000 €" }), event("payments", { amountMinor: 4200 })];

  const { code, lines, complaint } = await node.verify("jwks.json", envelopes);

  assertEquals([code, complaint, lines.length], [0, "", 2]);
  assertMatch(lines[0]!, /^ok [0-9a-f-]{36} orders\.done of orders\/o-1 #1, signed by orders with [\w-]{43}$/);
  assertMatch(lines[1]!, /signed by payments/);
});

Deno.test("envelopes that share a signature verify one by one under Node, and not with another's place", async () => {
  await using node = await openNode();
  const { jwks, batch } = openMesh();
  await Deno.writeTextFile(`${node.folder}/jwks.json`, JSON.stringify(jwks));
  for (const size of [2, 3, 7]) {
    const envelopes = batch("orders", Array.from({ length: size }, (_, number) => ({ number })));
    const { code, lines } = await node.verify("jwks.json", envelopes);
    assertEquals([code, lines.length], [0, size]);

    const [first, second] = envelopes.map((envelope) => envelope.split(".")) as [string[], string[]];
    const altered = [
      `${first[0]}.${first[1]}.${second[2]}`,
      `${first[0]}.${first[1]}.${first[2]!.split("~")[0]}`,
      envelopes[0]!.replace(`~0~${size}~`, `~0~${size + 8}~`),
      `${envelopes[0]}${"A".repeat(43)}`,
    ];
    const refused = await node.verify("jwks.json", altered);
    assertEquals([refused.code, refused.lines.map((line) => line.split(" ")[0])], [1, altered.map(() => "FAILED")]);
  }
});

Deno.test("jose under Node fetches the keys over HTTP, and refuses what was altered or signed by strangers", async () => {
  await using node = await openNode();
  const { jwks, event } = openMesh();
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => Response.json(jwks));
  const genuine = event("orders", { note: "two tins" });
  const [header, payload, signature] = genuine.split(".") as [string, string, string];
  const swapped = `${header}.${event("orders", { note: "three tins" }).split(".")[1]}.${signature}`;
  const cut = `${header}.${payload}.${signature.slice(0, 80)}`;

  const url = `http://127.0.0.1:${server.addr.port}/.well-known/mesh-jwks.json`;
  const { code, lines } = await node.verify(url, [
    genuine,
    swapped,
    cut,
    openMesh().event("orders", {}),
    "no envelope",
  ]);

  assertEquals([code, lines.map((line) => line.split(" ")[0])], [1, ["ok", "FAILED", "FAILED", "FAILED", "FAILED"]]);
});

Deno.test("the script says when there is nothing to verify", async () => {
  await using node = await openNode();
  await Deno.writeTextFile(`${node.folder}/jwks.json`, JSON.stringify(openMesh().jwks));

  assertEquals(await node.verify("jwks.json", []), { code: 2, lines: [], complaint: "nothing to verify" });
});
