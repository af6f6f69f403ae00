import { ConfigError } from "@mesh/base";
import { generateSigningKey } from "@mesh/envelope";
import { makeTokenKeyFile } from "@shop/users/token-keys";
import { publicKeyFile } from "../dev/provide_files.ts";
import { readOrMake } from "../dev/read_or_make.ts";
import { seedAccounts } from "../dev/seed_accounts.ts";
import {
  keyFiles,
  keysSecret,
  seedFile,
  signingKeyFile,
  type WantedSecret,
  wantedSecrets,
} from "../manifests/secret_names.ts";
import { publicKeysMap } from "../manifests/cluster.ts";
import { services } from "../topology.ts";

/**
 * Makes everything that `deploy/overlays/dev-secrets` turns into secrets: one folder per secret, one file per key. Files
 * that are there stay, so that keys and passwords survive a second run.
 *
 * @param folder Is made if it is not there; only this account may enter it.
 */
export async function writeSecretFiles(folder: string, log: (line: string) => void): Promise<void> {
  const wanted = wantedSecrets(services, { hasSeedAccounts: true, hasPostgres: true, hasSmtpLogin: false });
  for (const { kind, name, keys } of wanted) {
    if (kind === "ConfigMap") continue;
    await Deno.mkdir(`${folder}/${name}`, { recursive: true, mode: 0o700 });
    for (const key of keys) await readOrMake(`${folder}/${name}/${key}`, () => contentOf(name, key));
  }
  await Deno.mkdir(`${folder}/${publicKeysMap}`, { recursive: true });
  for (const { name: service } of services) {
    const text = await Deno.readTextFile(`${folder}/${keysSecret(service)}/${signingKeyFile}`);
    const { name, text: published } = publicKeyFile(service, text);
    await Deno.writeTextFile(`${folder}/${publicKeysMap}/${name}`, published);
  }
  log(`made what was missing of ${wanted.length} secrets in ${folder}`);
}

/** Draws the content of one key of a secret. */
async function contentOf(name: WantedSecret["name"], key: string): Promise<string> {
  switch (key) {
    case "username":
      return name.replace(/-[a-z]+$/, "");
    case "password":
      // Letters and digits only: it becomes part of a URL.
      return crypto.getRandomValues(new Uint8Array(24)).toHex();
    case signingKeyFile:
      return generateSigningKey(name.replace(/-keys$/, "")).privateJwk;
    case keyFiles.USERS_TOKEN_KEY_FILE:
      return await makeTokenKeyFile();
    case keyFiles.PAYMENT_PROVIDER_KEY_FILE:
      return `sk_test_${crypto.getRandomValues(new Uint8Array(20)).toHex()}`;
    case seedFile:
      return JSON.stringify(seedAccounts, null, 2);
    default:
      throw new ConfigError(`Cannot make key "${key}" of secret "${name}": nobody knows how`);
  }
}
