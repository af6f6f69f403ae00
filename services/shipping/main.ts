/**
 * Runs shipping.
 *
 * @module
 */
import { behaviourOf } from "@mesh/actor";
import { ConfigError } from "@mesh/base";
import { runService } from "@mesh/runtime";
import { shipping } from "./actor.ts";
import { createCarrier } from "./adapters/carrier.ts";
import { addressBook } from "./address_book.ts";
import { service } from "./service.ts";

if (import.meta.main) {
  await runService(service, (name) => Deno.env.get(name), ({ env, peers }) => {
    const baseUrl = env("CARRIER_URL");
    if (baseUrl === undefined || !URL.canParse(baseUrl)) {
      throw new ConfigError("Cannot start: the environment is wrong: CARRIER_URL: must be a URL");
    }
    return {
      behaviour: behaviourOf(shipping),
      adapters: { ...createCarrier({ baseUrl: baseUrl.replace(/\/$/, ""), resolveAddress: addressBook(peers) }) },
    };
  });
}
