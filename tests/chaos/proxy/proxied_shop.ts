import { AmqpProxy, proxiedUrl } from "@mesh/testing/amqp-proxy";
import { type TestShop, type TestShopOptions, withShop } from "../../e2e/harness/mod.ts";
import type { FaultPlan } from "./fault_plan.ts";

/**
 * Runs a test against a shop whose services reach the broker through a proxy, which commits no fault until it is told to.
 *
 * @param test Gets the shop and the proxy.
 */
export async function withProxiedShop<T>(
  options: TestShopOptions & { readonly plan: FaultPlan; readonly seed: number },
  test: (shop: TestShop, proxy: AmqpProxy) => Promise<T>,
): Promise<T> {
  const { plan: { durations, heartbeatMaxSeconds }, seed, ...shopOptions } = options;
  const proxies: AmqpProxy[] = [];
  const brokerThrough = (amqpUrl: string) => {
    const { hostname, port } = new URL(amqpUrl);
    const target = { hostname, port: Number(port || 5672) };
    const proxy = new AmqpProxy({ target, seed, durations, heartbeatMaxSeconds });
    proxies.push(proxy);
    return proxiedUrl(amqpUrl, proxy);
  };
  try {
    return await withShop({ ...shopOptions, brokerThrough }, (shop) => test(shop, proxies[0]!));
  } finally {
    await Promise.all(proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
  }
}
