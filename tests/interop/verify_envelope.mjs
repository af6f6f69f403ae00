// deno-lint-ignore-file mesh/file-name -- the ending tells Node that this is a module
// Verifies envelopes of the mesh with `jose` and nothing else: no Deno, no code of the mesh.
//
//   npm install jose
//   node verify_envelope.mjs <JWKS: URL or file> < envelopes
//
// Standard input holds compact JWS, one a line, as the member `envelope` of the audit's answers has them. Prints one line
// each. Exit code: 0 if every one verified, 1 if one did not, 2 if there was nothing to verify.

import { webcrypto } from "node:crypto";
import { readFile } from "node:fs/promises";
import process from "node:process";

// Node.js 18 has the Web Crypto API and keeps it out of sight; later ones have this name already.
globalThis.crypto ??= webcrypto;
const { compactVerify, createLocalJWKSet, createRemoteJWKSet } = await import("jose");

const where = process.argv[2];
if (where === undefined) {
  console.error("usage: node verify_envelope.mjs <JWKS: URL or file> < envelopes");
  process.exit(2);
}
const keys = /^https?:/.test(where)
  ? createRemoteJWKSet(new URL(where))
  : createLocalJWKSet(JSON.parse(await readFile(where, "utf8")));

let text = "";
for await (const chunk of process.stdin) text += chunk;
const envelopes = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
if (envelopes.length === 0) {
  console.error("nothing to verify");
  process.exit(2);
}

let failed = 0;
for (const envelope of envelopes) {
  try {
    // One algorithm and one type, both named: RFC 8725 3.1 and 3.11.
    const { payload, protectedHeader } = await compactVerify(envelope, keys, { algorithms: ["Ed25519"] });
    if (protectedHeader.typ !== "mesh-event+jwt") throw new Error(`its type is ${protectedHeader.typ}`);
    const { jti, iss, evt, sub, n } = JSON.parse(new TextDecoder().decode(payload));
    console.log(`ok ${jti} ${evt} of ${sub} #${n}, signed by ${iss} with ${protectedHeader.kid}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED ${envelope.slice(0, 16)}… ${error.message}`);
  }
}
process.exit(failed === 0 ? 0 : 1);
