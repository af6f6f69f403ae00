/**
 * Runs notifications.
 *
 * @module
 */
import { behaviourOf } from "@mesh/actor";
import { runService } from "@mesh/runtime";
import { notifications } from "./actor.ts";
import { createSmtpNotifier } from "./adapters/smtp.ts";
import { mailConfig } from "./config.ts";
import { contacts } from "./contacts.ts";
import { service } from "./service.ts";

if (import.meta.main) {
  await runService(service, (name) => Deno.env.get(name), ({ env, peers }) => {
    const notifier = createSmtpNotifier({ ...mailConfig(env), resolveContact: contacts(peers) });
    return {
      behaviour: behaviourOf(notifications),
      adapters: notifier.effects,
      close: () => notifier[Symbol.dispose](),
    };
  });
}
