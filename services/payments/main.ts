/**
 * Runs payments.
 *
 * @module
 */
import { behaviourOf } from "@mesh/actor";
import { systemClock } from "@mesh/base";
import { runService } from "@mesh/runtime";
import { payments } from "./actor.ts";
import { createStripeProvider } from "./adapters/stripe_provider.ts";
import { providerEndpoint } from "./config.ts";
import { service } from "./service.ts";

if (import.meta.main) {
  await runService(service, (name) => Deno.env.get(name), async ({ env }) => ({
    behaviour: behaviourOf(payments),
    adapters: {
      ...createStripeProvider(await providerEndpoint(env, (path) => Deno.readTextFile(path)), systemClock),
    },
  }));
}
