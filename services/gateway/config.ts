import { z } from "zod";
import { ConfigError } from "@mesh/base";
import type { BucketPolicy } from "./token_buckets.ts";

/** What the gateway is told from outside, beside what every service is told. */
export interface GatewayConfig {
  /** `GATEWAY_HOST`: address of the public listener. Default 127.0.0.1. */
  readonly host: string;
  /** `GATEWAY_PORT`: its port; 0 takes a free one. Default 8080. */
  readonly port: number;
  /** `CORS_ORIGINS`: origins of browsers' pages that may call, separated by commas. Default none. */
  readonly corsOrigins: readonly string[];
  /** `GATEWAY_PROXY_HOPS`: proxies in front that add to `X-Forwarded-For`. Default 0: none is believed. */
  readonly proxyHops: number;
  /** `GATEWAY_UNANSWERED_MAX`: commands without an answer at which orders are refused with 503. Default 5000. */
  readonly unansweredMax: number;
  /** `GATEWAY_RATE_IP_PER_SECOND`, `GATEWAY_RATE_IP_BURST`: requests per address. Default 500 and 5000. */
  readonly addressRate: BucketPolicy;
  /** `GATEWAY_RATE_ACCOUNT_PER_SECOND`, `GATEWAY_RATE_ACCOUNT_BURST`: requests per account. Default 200 and 2000. */
  readonly accountRate: BucketPolicy;
  /**
   * `GATEWAY_RATE_CREDENTIAL_PER_SECOND`, `GATEWAY_RATE_CREDENTIAL_BURST`: registrations, logins and refreshes per
   * address. Default 20 and 1000: whole offices share one; guessing is slowed by `users`, by account and place.
   */
  readonly credentialRate: BucketPolicy;
  /** `GATEWAY_STREAMS_PER_CUSTOMER_MAX`: streams that one customer may have open. Default 8. */
  readonly streamsPerCustomerMax: number;
}

/** Environment variables that {@link gatewayConfig} reads; Deno's permission lists are made from it. */
export const gatewayVariables: readonly string[] = [
  "GATEWAY_HOST",
  "GATEWAY_PORT",
  "CORS_ORIGINS",
  "GATEWAY_PROXY_HOPS",
  "GATEWAY_UNANSWERED_MAX",
  "GATEWAY_RATE_IP_PER_SECOND",
  "GATEWAY_RATE_IP_BURST",
  "GATEWAY_RATE_ACCOUNT_PER_SECOND",
  "GATEWAY_RATE_ACCOUNT_BURST",
  "GATEWAY_RATE_CREDENTIAL_PER_SECOND",
  "GATEWAY_RATE_CREDENTIAL_BURST",
  "GATEWAY_STREAMS_PER_CUSTOMER_MAX",
];

/**
 * Reads the gateway's configuration.
 *
 * @param env Reads one variable.
 * @returns The configuration, with defaults filled in.
 * @throws {ConfigError} With every fault at once.
 *
 * @example Nothing has to be set
 * ```ts
 * import { strictEqual as assertEquals } from "node:assert/strict";
 * import { gatewayConfig } from "./config.ts";
 *
 * assertEquals(gatewayConfig(() => undefined).port, 8080);
 * ```
 */
export function gatewayConfig(env: (name: string) => string | undefined): GatewayConfig {
  const result = schema.safeParse(Object.fromEntries(gatewayVariables.map((name) => [name, env(name)])));
  if (!result.success) {
    const faults = result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
    throw new ConfigError(`Cannot start: the environment is wrong: ${faults.join("; ")}`, { cause: result.error });
  }
  const read = result.data;
  return {
    host: read.GATEWAY_HOST,
    port: read.GATEWAY_PORT,
    corsOrigins: read.CORS_ORIGINS,
    proxyHops: read.GATEWAY_PROXY_HOPS,
    unansweredMax: read.GATEWAY_UNANSWERED_MAX,
    addressRate: { perSecond: read.GATEWAY_RATE_IP_PER_SECOND, burst: read.GATEWAY_RATE_IP_BURST },
    accountRate: { perSecond: read.GATEWAY_RATE_ACCOUNT_PER_SECOND, burst: read.GATEWAY_RATE_ACCOUNT_BURST },
    credentialRate: { perSecond: read.GATEWAY_RATE_CREDENTIAL_PER_SECOND, burst: read.GATEWAY_RATE_CREDENTIAL_BURST },
    streamsPerCustomerMax: read.GATEWAY_STREAMS_PER_CUSTOMER_MAX,
  };
}

const origins = z.string().default("").transform((text, context) => {
  const list = text.split(",").map((each) => each.trim()).filter((each) => each !== "");
  for (const each of list) {
    // An origin and nothing more; a wildcard would let every page in.
    if (URL.parse(each)?.origin !== each) {
      context.addIssue({ code: "custom", message: `"${each}" is no origin (https://shop.example)` });
    }
  }
  return list;
});

const perSecond = (fallback: number) => z.coerce.number().min(0.01).max(1_000_000).default(fallback);
const count = (fallback: number) => z.coerce.number().int().min(1).max(10_000_000).default(fallback);

const schema = z.object({
  GATEWAY_HOST: z.string().min(1).default("127.0.0.1"),
  GATEWAY_PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
  CORS_ORIGINS: origins,
  GATEWAY_PROXY_HOPS: z.coerce.number().int().min(0).max(8).default(0),
  GATEWAY_UNANSWERED_MAX: count(5_000),
  GATEWAY_RATE_IP_PER_SECOND: perSecond(500),
  GATEWAY_RATE_IP_BURST: count(5_000),
  GATEWAY_RATE_ACCOUNT_PER_SECOND: perSecond(200),
  GATEWAY_RATE_ACCOUNT_BURST: count(2_000),
  GATEWAY_RATE_CREDENTIAL_PER_SECOND: perSecond(20),
  GATEWAY_RATE_CREDENTIAL_BURST: count(1_000),
  GATEWAY_STREAMS_PER_CUSTOMER_MAX: count(8),
});
