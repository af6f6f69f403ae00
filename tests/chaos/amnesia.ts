import { invariant, systemClock } from "@mesh/base";
import { type TestShop, waitFor } from "../e2e/harness/mod.ts";
import { type Tally, tallyOf, untilSound, type Violation } from "../e2e/invariants/mod.ts";
import { newCustomer } from "../e2e/storefront/mod.ts";
import { recoverBroker } from "../e2e/mesh_command.ts";
import { endLimitMs, slowDownProvider, wanted } from "./ordeal.ts";
import { ordealOptions, ordealPlace } from "./ordeal_options.ts";
import { OrderStream } from "./order_stream.ts";

/**
 * How a shop is set up that is to lose its broker's data under many orders. With a thousand of them in flight the payment
 * provider is busy for a while: no order is given up for having waited its turn.
 */
export const amnesiaOptions = {
  ...ordealOptions,
  sagaLimits: { giveUpAfterMs: 600_000, attentionAfterMs: 900_000 },
};

/** What became of the orders. Times are in milliseconds. */
export interface AmnesiaOutcome {
  readonly orderCount: number;
  /** Orders that had been taken when the broker lost everything, and those of them that were in flight. */
  readonly takenBefore: number;
  readonly inFlightBefore: number;
  /** Orders in flight when the command was given. */
  readonly inFlight: number;
  readonly exitCode: number;
  /** From the command until everything was on its way again. */
  readonly redrivenAfterMs: number;
  /** From then until the last order had ended. */
  readonly endedAfterMs: number;
  readonly violations: readonly Violation[];
  readonly tally: Tally;
}

/**
 * Lets customers place `count` orders; when half of them are taken, the broker is killed and its data deleted. The rest is
 * taken without a broker. Then it starts, empty, and one command is given.
 *
 * @param log Receives progress.
 */
export async function endureAmnesia(
  test: TestShop,
  count: number,
  log: (line: string) => void,
): Promise<AmnesiaOutcome> {
  const { shop } = test;
  const { broker } = shop.infra;
  await slowDownProvider(test, providerDelayMs);
  await using stream = new OrderStream(test, {
    target: count,
    countMax: count,
    wanted,
    newCustomer: () => newCustomer(shop.url),
  });
  stream.start();
  const taken = (atLeast: number) =>
    waitFor(`${atLeast} orders taken`, () => stream.passages.size >= atLeast, endLimitMs + count * 100);
  await taken(count / 2);
  await broker.kill();
  await stream.look();
  const before = { takenBefore: stream.passages.size, inFlightBefore: stream.inFlight.length };
  log(`${before.takenBefore} orders taken, ${before.inFlightBefore} in flight: RabbitMQ loses its data`);
  await broker.wipe();
  await taken(count);
  await stream.stop();
  await stream.look();
  const inFlight = stream.inFlight.length;
  log(`${count} orders taken, ${inFlight} in flight: RabbitMQ starts, empty`);
  await broker.start();
  const commandMs = systemClock.nowMs();
  const { code, redrivenAtMs } = await recover(test, log);
  await waitFor("the end of all orders", async () => {
    await stream.look();
    return stream.inFlight.length === 0;
  }, endLimitMs);
  const lastMs = Math.max(...[...stream.passages.values()].map(({ endedAtMs }) => endedAtMs!));
  const journal = { accepted: [...stream.passages.keys()], unknownCount: 0 };
  const { facts, violations } = await untilSound(test, { journal }, endLimitMs);
  return {
    orderCount: stream.passages.size,
    ...before,
    inFlight,
    exitCode: code,
    redrivenAfterMs: redrivenAtMs - commandMs,
    endedAfterMs: Math.max(0, lastMs - redrivenAtMs),
    violations,
    tally: tallyOf(facts),
  };
}

/** Gives the command. @returns Its exit code, and when everything was on its way again, in milliseconds since 1970. */
async function recover({ shop }: TestShop, log: (line: string) => void) {
  let redrivenAtMs: number | undefined;
  const { code } = await recoverBroker({
    shop,
    ...ordealPlace,
    onLine: (line) => {
      if (line.includes("are on their way again")) redrivenAtMs = systemClock.nowMs();
      log(line);
    },
  });
  invariant(redrivenAtMs !== undefined, "Cannot recover the broker: nothing was redriven");
  return { code, redrivenAtMs };
}

/** Writes what became of the orders, for people. */
export function amnesiaText(outcome: AmnesiaOutcome): string {
  const { orderCount, takenBefore, inFlightBefore, inFlight, redrivenAfterMs, endedAfterMs, tally } = outcome;
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  return [
    `${orderCount} orders; ${takenBefore} were taken when RabbitMQ lost its data, ${inFlightBefore} of them in flight`,
    `${inFlight} in flight when the command was given; all was on its way again after ${seconds(redrivenAfterMs)}`,
    `the last order ended ${seconds(endedAfterMs)} after that`,
    JSON.stringify(tally),
  ].join("\n");
}

/** 300 ms per call: with 16 calls at once about 25 orders a second could end, so that they pile up when they are placed. */
const providerDelayMs = 300;
