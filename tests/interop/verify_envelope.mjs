// deno-lint-ignore-file mesh/file-name -- the ending tells Node that this is a module
// Verifies envelopes of the mesh with `jose` and SHA-256, nothing else: no Deno, no code of the mesh.
//
//   npm install jose
//   node verify_envelope.mjs <JWKS: URL or file> < envelopes
//
// Standard input holds compact JWS, one a line, as the member `envelope` of the audit's answers has them. Prints one line
// each. Exit code: 0 if every one verified, 1 if one did not, 2 if there was nothing to verify.

import { Buffer } from "node:buffer";
import { createHash, webcrypto } from "node:crypto";
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
    const jwt = provableJwt(envelope);
    const { protectedHeader } = await compactVerify(jwt, keys, { algorithms: ["Ed25519"] });
    const [{ typ }, { jti, iss, evt, sub, n }] = envelope.split(".", 2).map(readPart);
    if (typ !== "mesh-event+jwt") throw new Error(`its type is ${typ}`);
    if (protectedHeader.typ !== (jwt === envelope ? typ : "mesh-batch+jwt")) {
      throw new Error("its signature has a purpose of its own");
    }
    console.log(`ok ${jti} ${evt} of ${sub} #${n}, signed by ${iss} with ${protectedHeader.kid}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED ${envelope.slice(0, 16)}… ${error.message}`);
  }
}
process.exit(failed === 0 ? 0 : 1);

/**
 * The JWT whose signature proves an envelope: itself, or the JWT over the batch that it was signed with. That one does not
 * travel: it is written again from the envelope's hash and the hashes beside its way to the root (RFC 9162 2.1.3.2).
 */
function provableJwt(envelope) {
  const [header, payload, proof] = envelope.split(".");
  if (proof === undefined || !proof.includes("~")) return envelope;
  const [signature, index, size, path] = proof.split("~");
  let node = sha256(Buffer.from(`\0${header}.${payload}`));
  let used = 0;
  for (let at = Number(index), width = Number(size); width > 1; at >>= 1, width = (width + 1) >> 1) {
    if ((at ^ 1) >= width) continue;
    const beside = Buffer.from(path.slice(used, used += 43), "base64url");
    node = sha256(Buffer.concat([Buffer.of(1), ...(at % 2 === 0 ? [node, beside] : [beside, node])]));
  }
  if (used !== path.length || Number(index) >= Number(size)) throw new Error("its place in its batch is none");
  const batchHeader = { alg: "Ed25519", kid: readPart(header).kid, typ: "mesh-batch+jwt" };
  const batch = { root: node.toString("base64url"), size: Number(size) };
  return [...[batchHeader, batch].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")), signature]
    .join(
      ".",
    );
}

function readPart(part) {
  return JSON.parse(Buffer.from(part, "base64url").toString());
}

function sha256(bytes) {
  return createHash("sha256").update(bytes).digest();
}
