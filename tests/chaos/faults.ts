import type { TestShop } from "../e2e/harness/mod.ts";
import { UnavailableError } from "@mesh/base";
import { type BrokerPlace, recoverBroker } from "../e2e/mesh_command.ts";
import { ordealPlace } from "./ordeal_options.ts";

/** Something that breaks, and how it comes back. */
export interface Fault {
  readonly name: string;
  /** Breaks it; returns when it is broken. */
  readonly strike: () => Promise<void>;
  /** Brings it back; returns when it serves again. */
  readonly mend: () => Promise<void>;
}

/** `kill -9` of one service. */
export function killedService({ shop }: TestShop, service: string): Fault {
  return {
    name: service,
    strike: async () => {
      const child = shop.child(service);
      child.signal("SIGKILL");
      await child.ended;
    },
    mend: async () => {
      shop.restart(service);
      await shop.untilReady(service);
    },
  };
}

/** `kill -9` of the database server; its disk stays. */
export function killedPostgres({ shop: { infra } }: TestShop): Fault {
  return { name: "postgres", strike: () => infra.postgres.kill(), mend: () => infra.postgres.start() };
}

/** `kill -9` of the broker; its disk stays. */
export function killedBroker({ shop: { infra } }: TestShop): Fault {
  return { name: "rabbitmq", strike: () => infra.broker.kill(), mend: () => infra.broker.start() };
}

/**
 * The broker loses its disk: every message, queue, binding and user. An operator starts it, empty, and gives one command.
 *
 * @param place Partitions and tiers that the shop was started with.
 */
export function wipedBroker({ shop }: TestShop, place: Pick<BrokerPlace, "partitions" | "tiersMs">): Fault {
  return {
    name: "rabbitmq without its data",
    strike: async () => {
      await shop.infra.broker.kill();
      await shop.infra.broker.wipe();
    },
    mend: async () => {
      await shop.infra.broker.start();
      // Whether all orders end is for the ordeal to see, while more of them come.
      const { code, err } = await recoverBroker({ shop, ...place }, "--no-wait");
      if (code !== 0) throw new UnavailableError(`Cannot recover the broker: exit code ${code}, ${err}`);
    },
  };
}

/** Every fault of the list of guarantees, the gentlest first. */
export function allFaults(test: TestShop): readonly Fault[] {
  return [
    ...test.shop.serviceNames.map((service) => killedService(test, service)),
    killedPostgres(test),
    killedBroker(test),
    wipedBroker(test, ordealPlace),
  ];
}
