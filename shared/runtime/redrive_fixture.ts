import type { Operations } from "./operator_routes.ts";
import type { RedriveItemState, StoredRedriveItem } from "@mesh/store";
import { RedriveLimits, RedriveSelection } from "./redrive_terms.ts";
import { Break, World } from "./test_world.ts";

/** Who acts in tests. */
export const by = { subject: "operator-1", via: "operator" };
/** A selection that narrows nothing. */
export const everything = RedriveSelection.parse({});

/** A world in which so many commands have died, and whose cause is not mended. */
export async function worldWith(
  count: number,
  correlationOf: (at: number) => string = (at) => `flow-${at}`,
): Promise<World> {
  const world = await World.open();
  await world.startCounter();
  await world.startAsker();
  world.mood.isBroken = true;
  for (let at = 0; at < count; at += 1) {
    await world.service("asker").send(Break({ id: `k${at}` }), { correlation: correlationOf(at) });
  }
  await world.until("all are dead", async () => (await world.store("counter").readStatus()).deadLetterCount === count);
  return world;
}

/** What operators do at the counter. */
export function operationsOf(world: World): Operations {
  return world.service("counter").operations;
}

/** Orders a redrive at the counter, as fast as it may go unless told otherwise. @returns Its id. */
export async function start(
  world: World,
  limits: Partial<RedriveLimits> = {},
  selection: Partial<RedriveSelection> = {},
): Promise<string> {
  const order = {
    selection: { ...everything, ...selection },
    limits: RedriveLimits.parse({ ratePerSecond: 100, ...limits }),
    reason: "glue is back",
  };
  const redrive = await operationsOf(world).startRedrive(order, by);
  return redrive!.id;
}

/** Letters of a redrive. */
export async function itemsOf(world: World, id: string): Promise<readonly StoredRedriveItem[]> {
  return await operationsOf(world).listRedriveItems({ id, limit: 1_000 });
}

/** Where letters of a redrive stand, in their order. */
export async function statesOf(world: World, id: string): Promise<readonly RedriveItemState[]> {
  return (await itemsOf(world, id)).map(({ state }) => state);
}

/** How a redrive stands, and why. */
export async function statusOf(world: World, id: string): Promise<string> {
  const { status, statusReason } = (await operationsOf(world).findRedrive(id))!;
  return statusReason === "" ? status : `${status}: ${statusReason}`;
}

/** Waits until a redrive stands so. */
export function untilStatus(world: World, id: string, wanted: string): Promise<void> {
  const what = `the redrive is ${wanted}`;
  return world.until(what, async () => (await statusOf(world, id)).split(":")[0] === wanted, 600_000);
}

/** What an operator, or the service itself, has done. */
export interface Act {
  readonly action: string;
  readonly reason: string;
  readonly subjects: readonly string[];
  readonly who: { readonly sub: string; readonly via: string };
}

/** Acts in the service's signed log, in order. */
export async function actsOf(world: World): Promise<readonly Act[]> {
  const { items } = await world.store("counter").readFeed({ after: "", types: ["counter.operator-acted"], limit: 99 });
  return items.map(({ envelope }) => {
    const claims = JSON.parse(new TextDecoder().decode(
      Uint8Array.fromBase64(envelope.split(".")[1]!, { alphabet: "base64url" }),
    ));
    return { ...claims.dat, who: claims.act };
  });
}
