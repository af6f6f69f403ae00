/**
 * What audit says about itself.
 *
 * @module
 */
import { defineService } from "@mesh/contract";
import { EventsRead } from "./contract.ts";

export const service = defineService({
  name: "audit",
  purpose: "every signed event of the mesh, verified and kept, and the questions that auditors ask",
  accepts: [],
  publishes: [EventsRead],
  sends: [],
  subscribes: [],
  calls: [],
  readsAllFeeds: true,
  variables: ["AUDIT_FEED_INTERVAL_MS"],
  internalPort: 9109,
});
