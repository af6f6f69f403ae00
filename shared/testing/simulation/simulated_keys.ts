import { Buffer } from "node:buffer";
import { createHash, createPrivateKey } from "node:crypto";
import { fixedKeyDirectory, type KeyDirectory, keyFile, type SigningKey, signingKeyFromJwk } from "@mesh/envelope";

/** Keys of a simulated mesh. */
export interface SimulatedKeys {
  readonly signing: ReadonlyMap<string, SigningKey>;
  readonly directory: KeyDirectory;
}

/** DER of a PKCS #8 Ed25519 key up to its 32 bytes (RFC 8410 7). */
const pkcs8Start = Buffer.from("302e020100300506032b657004220420", "hex");

/** Makes keys that are the same in every run. They guard nothing. */
export function simulatedKeys(services: readonly string[]): SimulatedKeys {
  const signing = new Map<string, SigningKey>();
  const files: Record<string, string> = {};
  for (const service of services) {
    const secret = createHash("sha256").update(`simulation of ${service}`).digest();
    const der = Buffer.concat([pkcs8Start, secret]);
    const { d, x } = createPrivateKey({ key: der, format: "der", type: "pkcs8" }).export({ format: "jwk" });
    const key = signingKeyFromJwk(service, JSON.stringify({ kty: "OKP", crv: "Ed25519", x, d }));
    const publicJwk = { kty: "OKP", crv: "Ed25519", x: x!, kid: key.kid } as const;
    const { name, text } = keyFile(service, [{ jwk: publicJwk, status: "active" }]);
    signing.set(service, key);
    files[name] = text;
  }
  return { signing, directory: fixedKeyDirectory(files) };
}
