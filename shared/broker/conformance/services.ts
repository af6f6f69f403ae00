import { z } from "zod";
import { defineCommand, defineEvent, defineService, type ServiceDefinition } from "@mesh/contract";

const data = { version: 1, schema: z.object({ key: z.string() }), key: ({ key }: { readonly key: string }) => key };

/** A command that `shelf` takes and `planner` may send. */
export const PutAway = defineCommand("shelf.put-away", data);
/** A command that `planner` may send although nobody takes it. */
export const Vanish = defineCommand("nobody.vanish", data);
/** An event that `planner` hears by correlation and `herald` by key. */
export const WasPutAway = defineEvent("shelf.was-put-away", data);
/** An event that nobody hears. */
export const WasDusted = defineEvent("shelf.was-dusted", data);

const plain = { purpose: "Takes part in the conformance suite", calls: [], internalPort: 9100 };

/** A small mesh with every kind of edge: commands, both intakes, commands to itself, and a service without a mailbox. */
export const conformanceServices: readonly ServiceDefinition[] = [
  defineService({
    ...plain,
    name: "shelf",
    accepts: [PutAway],
    publishes: [WasPutAway, WasDusted],
    sends: [],
    subscribes: [],
    commandsItself: true,
  }),
  defineService({
    ...plain,
    name: "planner",
    accepts: [],
    publishes: [],
    sends: [PutAway, Vanish],
    subscribes: [{ event: WasPutAway, by: "correlation" }],
    commandsItself: true,
  }),
  defineService({
    ...plain,
    name: "herald",
    accepts: [],
    publishes: [],
    sends: [],
    subscribes: [{ event: WasPutAway, by: "key" }],
  }),
  defineService({ ...plain, name: "logbook", accepts: [], publishes: [], sends: [], subscribes: [] }),
];
