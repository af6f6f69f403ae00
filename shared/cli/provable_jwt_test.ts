import { deepStrictEqual as assertEquals, throws } from "node:assert/strict";
import vectors from "../../docs/envelope-vectors.json" with { type: "json" };
import { contentHash, provableJwt } from "./provable_jwt.ts";

Deno.test("provableJwt is the envelope where it has a signature of its own, and else the JWT of its batch", () => {
  for (const { token, hash } of vectors.accepted) assertEquals([provableJwt(token), contentHash(token)], [token, hash]);
  for (const { jwt, envelopes } of vectors.batches) {
    for (const { token, hash } of envelopes) assertEquals([provableJwt(token), contentHash(token)], [jwt, hash]);
  }
});

Deno.test("provableJwt makes another JWT, or none, of an envelope with another place, way or content", () => {
  const [{ token: first }, { token: second }] = vectors.batches[1]!.envelopes as unknown as [{ token: string }, {
    token: string;
  }];
  const { jwt } = vectors.batches[1]!;
  const [header, payload, proof] = first.split(".") as [string, string, string];
  const [signature, index, size, path] = proof.split("~") as [string, string, string, string];
  for (const changed of [`${header}.${payload}.${second.split(".")[2]}`, `${header}.e30.${proof}`]) {
    assertEquals(provableJwt(changed) === jwt, false);
  }
  for (const place of [`5~${size}~${path}`, `-1~${size}~${path}`, `x~${size}~${path}`, `${index}~9999~${path}`]) {
    throws(() => provableJwt(`${header}.${payload}.${signature}~${place}`), TypeError);
  }
  throws(() => provableJwt(`${first}${"A".repeat(43)}`), TypeError);
});
