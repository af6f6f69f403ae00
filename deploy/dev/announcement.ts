import type { Shop } from "./start_shop.ts";
import { seedAccounts } from "./seed_accounts.ts";

/** Tells a newcomer what there is to click. The first line is the promise of `make dev`, word for word. */
export function announcement(shop: Shop): readonly string[] {
  const { url, ports: { mailPage, payment }, infra: { broker: { management } } } = shop;
  const width = Math.max(...seedAccounts.map(({ email }) => email.length));
  return [
    `ready ${url}`,
    "",
    `  API, to read and try     ${url}/docs`,
    `  mails to customers       http://127.0.0.1:${mailPage}`,
    `  payments really made     http://127.0.0.1:${payment}/_simulator/ledger`,
    `  RabbitMQ                 ${management.url} (${management.user}, ${management.password})`,
    "",
    "  accounts of this shop    role      password",
    ...seedAccounts.map(({ email, role, password }) =>
      `  ${email.padEnd(width)}${" ".repeat(25 - width)}${role.padEnd(10)}${password}`
    ),
    "",
    "  Ctrl-C stops everything; make demo, in another terminal, plays through it",
    "",
  ];
}
