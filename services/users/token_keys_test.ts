import { deepStrictEqual as assertEquals, rejects as assertRejects } from "node:assert/strict";
import { makeTokenKeyFile, readTokenKeys } from "./token_keys.ts";

type Jwk = Record<string, string>;

Deno.test("readTokenKeys publishes every key, private parts of none, and signs with the private one", async () => {
  const [retired, current, next] = [await makeKey(), await makeKey(), await makeKey()];
  const keys = await readTokenKeys(fileOf(publicOf(retired), current, publicOf(next)));
  assertEquals(keys.kid, current.kid);
  assertEquals(keys.published.keys.map(({ kid }) => kid), [retired.kid, current.kid, next.kid]);
  const members = new Set(keys.published.keys.flatMap((key) => Object.keys(key)));
  assertEquals([...members].sort(), ["alg", "crv", "kid", "kty", "use", "x"]);
});

Deno.test("readTokenKeys takes a bare private key without a kid, too", async () => {
  const { kid, ...bare } = await makeKey();
  assertEquals((await readTokenKeys(JSON.stringify(bare))).kid, kid);
});

Deno.test("readTokenKeys refuses files that are none, and repeats nothing of them", async () => {
  const [one, two] = [await makeKey(), await makeKey()];
  const files = {
    "no JSON": "{",
    "no keys": fileOf(),
    "only public keys": fileOf(publicOf(one)),
    "two private keys": fileOf(one, two),
    "one key twice": fileOf(one, publicOf(one)),
    "a false kid": fileOf({ ...one, kid: two.kid! }),
    "another kind of key": fileOf({ kty: "oct", k: "c2VjcmV0", d: one.d! }),
    "another curve": fileOf({ ...one, crv: "X25519" }),
    "halves of two keys": fileOf({ ...one, d: two.d! }),
  };
  for (const [what, text] of Object.entries(files)) {
    await assertRejects(readTokenKeys(text), (error: Error & { code?: string }) => {
      assertEquals([what, error.code, error.message.includes(one.d!)], [what, "config.invalid", false]);
      return true;
    });
  }
});

async function makeKey(): Promise<Jwk> {
  return JSON.parse(await makeTokenKeyFile()).keys[0];
}

function publicOf({ d: _d, ...rest }: Jwk): Jwk {
  return rest;
}

function fileOf(...keys: readonly Jwk[]): string {
  return JSON.stringify({ keys });
}
