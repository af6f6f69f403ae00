import { ConfigError } from "@mesh/base";
import type { StripeEndpoint } from "./adapters/stripe_client.ts";

/**
 * Reads where the payment provider is.
 *
 * `PAYMENT_PROVIDER_URL` is its base URL (Stripe's own when it names api.stripe.com), `PAYMENT_PROVIDER_KEY_FILE` a file
 * with the secret key and nothing else.
 *
 * @throws {ConfigError} If either is missing or malformed; the key is never repeated.
 */
export async function providerEndpoint(
  env: (name: string) => string | undefined,
  readFile: (path: string) => Promise<string>,
): Promise<StripeEndpoint> {
  const { PAYMENT_PROVIDER_URL: text = "", PAYMENT_PROVIDER_KEY_FILE: path = "" } = {
    PAYMENT_PROVIDER_URL: env("PAYMENT_PROVIDER_URL"),
    PAYMENT_PROVIDER_KEY_FILE: env("PAYMENT_PROVIDER_KEY_FILE"),
  };
  const faults: string[] = [];
  if (!/^https?:/.test(text) || !URL.canParse(text)) faults.push("PAYMENT_PROVIDER_URL: must be an http(s) URL");
  if (path === "") faults.push("PAYMENT_PROVIDER_KEY_FILE: must name a file");
  if (faults.length > 0) throw new ConfigError(`Cannot start: the environment is wrong: ${faults.join("; ")}`);
  const url = new URL(text);
  const secretKey = (await readFile(path)).trim();
  if (!/^[rs]k_[A-Za-z0-9_]+$/.test(secretKey)) {
    throw new ConfigError("Cannot start: the file of PAYMENT_PROVIDER_KEY_FILE holds no secret key (sk_...)");
  }
  const isHttps = url.protocol === "https:";
  return {
    secretKey,
    host: url.hostname,
    port: url.port === "" ? (isHttps ? 443 : 80) : Number(url.port),
    protocol: isHttps ? "https" : "http",
  };
}
