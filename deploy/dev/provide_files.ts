import { generateSigningKey, keyFile, signingKeyFromJwk } from "@mesh/envelope";
import { makeTokenKeyFile } from "@shop/users/token-keys";
import { emitPolicy, services } from "../topology.ts";
import { readOrMake } from "./read_or_make.ts";
import type { ShopSecrets } from "./shop_secrets.ts";

/** Files that services read at their start. */
export interface ShopFiles {
  /** Public keys of all services. */
  readonly keysFolder: string;
  readonly policyFile: string;
  /** Private signing key by service. */
  readonly signingKeyFiles: Readonly<Record<string, string>>;
  readonly tokenKeyFile: string;
  readonly paymentKeyFile: string;
}

/**
 * Brings about keys and policy in a folder. Keys that are there stay: what they have signed must verify for ever.
 *
 * @param folder Only this account may enter it.
 */
export async function provideFiles(folder: string, secrets: ShopSecrets): Promise<ShopFiles> {
  const keysFolder = `${folder}/public-keys`;
  await Deno.mkdir(keysFolder, { recursive: true });
  const signingKeyFiles: Record<string, string> = {};
  for (const { name } of services) {
    const path = `${folder}/${name}.signing-key.json`;
    const jwk = await readOrMake(path, () => generateSigningKey(name).privateJwk);
    const published = publicKeyFile(name, jwk);
    await Deno.writeTextFile(`${keysFolder}/${published.name}`, published.text);
    signingKeyFiles[name] = path;
  }
  const policyFile = `${folder}/emit-policy.json`;
  await Deno.writeTextFile(policyFile, JSON.stringify(emitPolicy(), null, 2));
  const tokenKeyFile = `${folder}/token-keys.json`;
  await readOrMake(tokenKeyFile, makeTokenKeyFile);
  const paymentKeyFile = `${folder}/payment-provider.key`;
  await Deno.writeTextFile(paymentKeyFile, secrets.paymentKey, { mode: 0o600 });
  return { keysFolder, policyFile, signingKeyFiles, tokenKeyFile, paymentKeyFile };
}

/** The published half of a service's signing key, as the file that verifiers read. */
export function publicKeyFile(
  service: string,
  privateJwk: string,
): { readonly name: string; readonly text: string } {
  const { kid } = signingKeyFromJwk(service, privateJwk);
  const { x } = JSON.parse(privateJwk) as { readonly x: string };
  return keyFile(service, [{ jwk: { kty: "OKP", crv: "Ed25519", x, kid }, status: "active" }]);
}
