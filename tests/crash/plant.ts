/**
 * Loaded into a service's process ahead of its own main module (`deno run --preload`): makes the process hold still at one
 * named point, so that whoever watches it can end it exactly there. The service itself is the shipped one.
 *
 * @module
 */
import { DefectError } from "@mesh/base";
import { PostgresStore } from "@mesh/store";
import { plantAtBroker } from "./broker_client.ts";
import { type Place, pointNamed } from "./crash_points.ts";
import { caughtUpLine, heldLine, type PlantOrder } from "./held_line.ts";
import { backlogOf, triggerOf } from "./trigger.ts";

type Call = (this: unknown, ...args: unknown[]) => Promise<unknown>;

/** 16: what a killed process then holds comes to its successor first, and is acknowledged with its first turn. */
const heldMax = 16;

const text = Deno.args[0];
if (text !== undefined) await plant(JSON.parse(text) as PlantOrder);

async function plant(order: PlantOrder): Promise<void> {
  const { point } = order;
  const trigger = triggerOf(order);
  const backlog = backlogOf(heldMax);
  const place = point === undefined ? undefined : pointNamed(point).place;
  const reach = () => {
    if (point !== undefined && trigger.reach()) holdStill(point);
  };
  if (place?.at === "store") plantAtStore(place, reach);
  if (place?.at === "outside") {
    plantAtFetch(place.moment, order.outside, reach);
    // Only where it is wanted: it costs every start some time.
    const { plantAtMail } = await import("./mail_client.ts");
    plantAtMail((moment) => moment === place.moment && reach());
  }
  plantAtBroker({
    reach: (moment) => {
      if (place?.at === "broker" && place.moment === moment) reach();
    },
    delivered: backlog.noteDelivery,
    acked: (channel, deliveryTag) => {
      if (!backlog.noteAck(channel, deliveryTag)) return;
      say(caughtUpLine);
      trigger.arm();
    },
  });
}

/** Says where it is, and never goes on: the only thread waits for what nobody sends. */
function holdStill(point: string): void {
  say(heldLine(point));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

function say(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}

function plantAtStore({ call, moment, when = () => true }: Extract<Place, { at: "store" }>, reach: () => void): void {
  const store = PostgresStore.prototype as unknown as Record<string, Call>;
  const original = store[call];
  if (original === undefined) throw new DefectError(`Cannot plant a point at "${call}": the store has no such call`);
  store[call] = async function (...args) {
    if (moment === "before" && when(args, undefined)) reach();
    const result = await original.apply(this, args);
    if (moment === "after" && when(args, result)) reach();
    return result;
  };
}

/** Questions change nothing outside, so only what is no GET counts. */
function plantAtFetch(moment: "before" | "after", origins: readonly string[], reach: () => void): void {
  const original = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const { url, method } = new Request(input instanceof Request ? input.clone() : input, init);
    const counts = method !== "GET" && origins.includes(new URL(url).origin);
    if (counts && moment === "before") reach();
    const response = await original(input, init);
    if (counts && moment === "after") reach();
    return response;
  };
}
