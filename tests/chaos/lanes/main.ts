/**
 * What orders feel of others whose messages fail: as many of them without such others as beside them, in turns. Prints a
 * table for `docs/reliability.md`.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { ConfigError, errorText } from "@mesh/base";
import { measureNeighbours, neighbourTable } from "./neighbours.ts";
import { withLaneShop } from "./lane_shop.ts";

const helpText = `What orders feel of others whose messages fail until they are dead.

Usage: deno task test:lanes [options]

  --rounds <n>   rounds of each kind, in turns (default 5)
  --orders <n>   orders of each round (default 120)
  --rate <n>     orders a second, whatever the shop does (default 8)
  --help         show this text

Half of the orders want the same product, half one of four others. In every second round one order in ten comes beside them
that wants the same product and whose reservation fails, six times, and then lies dead. Exit code: 0 if the 99th percentile
of neither half is more than twice what it is without them, else 1; 2 for options that cannot be read.
`;

const options = readOptions();
if (options === undefined) {
  console.log(helpText);
  Deno.exit(0);
}
Deno.exit(await run(options) ? 0 : 1);

function readOptions() {
  try {
    const text = { type: "string" } as const;
    const { help, ...rest } = parseArgs({
      args: [...Deno.args],
      options: { rounds: text, orders: text, rate: text, help: { type: "boolean" } },
    }).values;
    if (help === true) return undefined;
    return { rounds: whole(rest.rounds ?? "5"), orders: whole(rest.orders ?? "120"), rate: whole(rest.rate ?? "8") };
  } catch (error) {
    console.error(errorText(error));
    Deno.exit(2);
  }
}

function whole(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= 10_000) return value;
  throw new ConfigError(`Cannot run: "${text}" is not a whole number from 1 to 10000`);
}

async function run(
  plan: { readonly rounds: number; readonly orders: number; readonly rate: number },
): Promise<boolean> {
  return await withLaneShop(async (world) => {
    const found = await measureNeighbours(world, { ...plan, onRound: (line) => console.log(line) });
    console.log(`\n${neighbourTable(found)}`);
    return found.every(({ ratio }) => ratio <= 2);
  });
}
